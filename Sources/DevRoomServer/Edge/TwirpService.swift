internal import HTTP
internal import Observability
internal import Signalling
internal import Wire

/// LiveKit's server API over HTTP (docs/livekit-protocol.md#the-server-api):
/// `POST /twirp/livekit.<Service>/<Method>`.
struct TwirpService {
    static let prefix = "/twirp/livekit."

    let hub: RoomHub
    let authentication: ServerAuthentication

    /// One request on its way through a method.
    struct Call {
        let token: AccessToken
        let encoding: TwirpEncoding
        let body: [UInt8]

        /// Reads the request, checks the caller's rights, runs the method and writes the answer.
        func answer<Request: ProtobufMessage, Response: ProtobufMessage>(
            _ type: Request.Type, _ right: (VideoGrant, Request) -> Bool,
            _ method: (Request) throws(TwirpError) -> Response
        ) throws(TwirpError) -> [UInt8] {
            let request = try encoding.decode(type, body)
            guard right(token.video, request) else {
                throw TwirpError(.unauthenticated, "permissions denied")
            }
            return encoding.encode(try method(request))
        }
    }

    func respond(to request: HTTPRequest) -> HTTPResponse {
        let token: AccessToken
        do throws(Unauthorized) {
            token = try authentication.token(of: request, now: hub.environment.time.unixSeconds)
        } catch {
            return .text(401, error.reason)
        }
        do throws(TwirpError) {
            guard request.method == .post else {
                throw TwirpError(.badRoute, "unsupported method \"\(request.method.rawValue)\" (only POST is allowed)")
            }
            guard let encoding = TwirpEncoding(contentType: request.headers["Content-Type"] ?? "") else {
                let type = request.headers["Content-Type"] ?? ""
                throw TwirpError(.badRoute, "unexpected Content-Type: \"\(type)\"")
            }
            let call = Call(token: token, encoding: encoding, body: request.body)
            let route = request.path.dropFirst(Self.prefix.count).split(
                separator: "/", omittingEmptySubsequences: false)
            guard route.count == 2 else { throw Self.badRoute(request.path) }
            let body: [UInt8]
            switch route[0] {
            case "RoomService": body = try roomService(String(route[1]), call)
            case "AgentDispatchService": body = try agentDispatchService(String(route[1]), call)
            default: throw Self.badRoute(request.path)
            }
            return HTTPResponse(
                status: 200, headers: HTTPHeaders([("Content-Type", encoding.contentType)]), body: body)
        } catch {
            hub.environment.log.info(
                "server API request refused",
                ["path": request.path, "code": error.code.rawValue, "text": error.message]
            )
            return HTTPResponse(
                status: error.code.status, headers: HTTPHeaders([("Content-Type", "application/json")]),
                body: error.body)
        }
    }

    static func badRoute(_ path: String) -> TwirpError { TwirpError(.badRoute, "no handler for path \"\(path)\"") }

    /// The room, which must be there.
    func room(_ name: String) throws(TwirpError) -> RoomHost {
        guard let host = hub.rooms[name] else {
            throw TwirpError(.notFound, "requested room does not exist")
        }
        return host
    }
}
