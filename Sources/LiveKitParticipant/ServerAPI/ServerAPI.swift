package import HTTP
package import HTTPClient
internal import Signalling
package import Wire

/// LiveKit's server API: Twirp over HTTP with protobuf bodies, each call with a short-lived token of its own that holds
/// just the grant which that call takes.
///
/// Belongs to the thread of the client's loop.
///
///     api.send(.createDispatch(request)) { result in … }
///     let room = try await api.send(.createRoom(request))
package final class ServerAPI {
    /// How long a call may take, unless told otherwise.
    package static let defaultTimeout: Duration = .seconds(10)
    /// How long the token of a call is valid, in seconds; clocks may be off by a minute.
    package static let tokenLifetime: Int64 = 300

    private let client: HTTPClient
    private let server: HTTPURL
    private var key: String
    private var secret: String
    private let authentication: MessageAuthentication
    private let unixTime: () -> Int64
    /// How many seconds the server's clock was ahead of ours when it answered last; nil when it has not said.
    package private(set) var clockOffset: Int64?

    /// - Parameters:
    ///   - client: sends the calls; stays the caller's to close.
    ///   - server: `ws` and `wss` are as good as `http` and `https`.
    ///   - unixTime: seconds since 1970.
    package init(
        client: HTTPClient, server: HTTPURL, key: String, secret: String, authentication: MessageAuthentication,
        unixTime: @escaping () -> Int64
    ) {
        self.client = client
        self.server = server
        self.key = key
        self.secret = secret
        self.authentication = authentication
        self.unixTime = unixTime
    }

    /// Signs the calls that begin from now on with another key.
    package func use(key: String, secret: String) {
        self.key = key
        self.secret = secret
    }

    /// Makes a call.
    ///
    /// - Parameter completion: called once; later, unless the returned call is cancelled.
    @discardableResult
    package func send<Response>(
        _ call: ServerCall<Response>, timeout: Duration = ServerAPI.defaultTimeout,
        completion: @escaping (Result<Response, ServerAPIError>) -> Void
    ) -> HTTPCall {
        client.send(request(for: call), timeout: timeout) { [self] result in
            noteClock(result)
            completion(Self.read(result, of: call))
        }
    }

    /// Makes a call and waits for the answer; for code that runs on the client's loop. Cancelling the task cancels it.
    nonisolated(nonsending) package func send<Response>(
        _ call: ServerCall<Response>, timeout: Duration = ServerAPI.defaultTimeout
    ) async throws(ServerAPIError) -> Response {
        let result: Result<HTTPResponse, HTTPClientError>
        do throws(HTTPClientError) {
            result = .success(try await client.send(request(for: call), timeout: timeout))
        } catch {
            result = .failure(error)
        }
        noteClock(result)
        return try Self.read(result, of: call).get()
    }

    private func request<Response>(for call: ServerCall<Response>) -> HTTPClientRequest {
        let now = unixTime()
        let token = AccessToken.with {
            $0.key = key
            $0.video = call.grant
            $0.notBefore = now
            $0.expiresAt = now + Self.tokenLifetime
        }
        var request = HTTPClientRequest(
            .post, server.appending("/twirp/livekit.\(call.service)/\(call.method)"),
            headers: [
                "Authorization": "Bearer \(token.signed(secret: secret, authentication))",
                "Content-Type": TwirpEncoding.protobuf.contentType,
            ],
            body: call.body)
        request.isIdempotent = call.isIdempotent
        return request
    }

    private func noteClock(_ result: Result<HTTPResponse, HTTPClientError>) {
        guard case .success(let response) = result, let date = response.headers["Date"],
            let time = HTTPDate.unixTime(of: date)
        else { return }
        clockOffset = time - unixTime()
    }

    private static func read<Response>(
        _ result: Result<HTTPResponse, HTTPClientError>, of call: ServerCall<Response>
    ) -> Result<Response, ServerAPIError> {
        switch result {
        case .failure(let error):
            return .failure(.unreachable(method: call.method, error))
        case .success(let response):
            guard response.status == 200 else {
                return .failure(.refused(method: call.method, TwirpError(status: response.status, body: response.body)))
            }
            guard TwirpEncoding(contentType: response.headers["Content-Type"] ?? "") == .protobuf else {
                let type = response.headers["Content-Type"] ?? "nothing"
                return .failure(.undecodable(method: call.method, reason: "the content type is \(type)"))
            }
            do throws(ProtobufError) {
                return .success(try Response(decoding: response.body))
            } catch {
                return .failure(.undecodable(method: call.method, reason: "\(error)"))
            }
        }
    }
}
