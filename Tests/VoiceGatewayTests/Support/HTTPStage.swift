import ClientProtocol
import HTTP
import LiveKitParticipant
import Observability
import SecureTransport
import Signalling
import Testing
import Wire

@testable import VoiceGateway

/// The HTTP interface without sockets: requests in, answers out. Whatever is answered must be in the description.
final class HTTPStage {
    /// A room server that does what it is told to, when it is told to.
    final class Rooms: RoomServerAccess {
        var opened: [(room: String, agent: String, metadata: String)] = []
        var isAgentComing = true
        var ended: [String] = []
        var checks = 0
        var outcome: Result<Void, ServerAPIError> = .success(())
        /// Answers wait until `release`.
        var isHolding = false
        private var held: [() -> Void] = []

        private func answer(_ body: @escaping () -> Void) {
            if isHolding { held.append(body) } else { body() }
        }

        func release() {
            let waiting = held
            held = []
            for body in waiting { body() }
        }

        func open(
            _ room: String, agent: String, metadata: String,
            completion: @escaping (Result<Bool, ServerAPIError>) -> Void
        ) {
            opened.append((room, agent, metadata))
            answer { [self] in completion(outcome.map { isAgentComing }) }
        }

        func endRoom(_ name: String, completion: @escaping (Result<Void, ServerAPIError>) -> Void) {
            ended.append(name)
            answer { [self] in completion(outcome) }
        }

        func fault(_ error: ServerAPIError) -> RoomServerFault { RoomServerFault(error, clockOffset: nil) }

        func check(completion: @escaping (RoomServerFault?) -> Void) {
            checks += 1
            answer { [self] in
                if case .failure(let error) = outcome { completion(fault(error)) } else { completion(nil) }
            }
        }
    }

    struct Answer {
        let response: HTTPResponse

        var status: Int { response.status }
        var json: JSONValue { (try? JSONValue(parsing: response.body)) ?? .null }
        var error: String? { json["error"]?.string }
        var detail: String? { json["detail"]?.string }
        func header(_ name: String) -> String? { response.headers[name] }
    }

    static let unixTime = 1_800_000_000
    static let secret = "secret"

    let rooms = Rooms()
    var now = Instant.zero
    var refusal: RequestRefusal?
    var isDraining = false
    /// Who asks for the operator's routes without this key is refused.
    static let operatorKey = "operator-key"
    private(set) var interface: HTTPInterface!

    /// - Parameter operations: without them there are no routes for the operator.
    init(operations: (any GatewayOperations)? = nil, _ change: (inout GatewayConfiguration) -> Void = { _ in }) {
        var configuration = GatewayConfiguration()
        configuration.agentName = "custom-agent"
        configuration.roomServer = .development(port: 0, APICredentials(key: "devkey", secret: Self.secret))
        configuration.http.hasPlayground = false
        change(&configuration)
        let devices = DeviceRegistry(CurrentConfiguration(configuration), log: .silent)
        interface = HTTPInterface(
            HTTPInterface.Surroundings(
                configuration: configuration, livekitURL: "wss://livekit.example.com", rooms: rooms,
                metrics: Metrics(), log: .silent, now: { [unowned self] in now }, startedAt: now,
                wallClock: { (Self.unixTime, 5_000_000) }, refusal: { [unowned self] _, _ in refusal },
                operatorRefusal: {
                    $0.bearerToken == Self.operatorKey ? nil : RequestRefusal(reason: .wrongKey, retryAfterSeconds: nil)
                }, operations: operations,
                clientSecret: { _, parameters, expiry in
                    ClientSecret(owner: [], expiry: expiry, parameters: parameters).sealed(secret: Self.secret)
                }, devices: devices,
                clientAddress: { $0.remoteAddress?.ip ?? .anyV4 }, isDraining: { [unowned self] in isDraining }))
    }

    static func request(
        _ method: HTTPMethod, _ target: String, _ body: String? = nil, headers: [(String, String)] = []
    ) throws -> HTTPRequest {
        var fields = HTTPHeaders([("Host", "gateway.example.com")])
        if body != nil { fields.add("Content-Type", "application/json") }
        for (name, value) in headers { fields.set(name, value) }
        var request = try #require(HTTPRequest(method: method, target: target, headers: fields, isHTTP11: true))
        request.body = Array((body ?? "").utf8)
        request.remoteAddress = TransportAddress(ip: .loopbackV4, port: 50_000)
        return request
    }

    /// Sends a request and takes its answer, which must have come by the end of the call.
    func send(
        _ method: HTTPMethod, _ target: String, _ body: String? = nil, headers: [(String, String)] = []
    ) throws -> Answer {
        let request = try Self.request(method, target, body, headers: headers)
        var answers: [HTTPResponse] = []
        interface.handle(request) { answers.append($0) }
        let answer = Answer(response: try #require(answers.first))
        #expect(answers.count == 1)
        try check(answer, to: request)
        return answer
    }

    /// What the description says about one operation.
    func operation(_ path: String, _ method: HTTPMethod) throws -> JSONValue? {
        try document()["paths"]?[path]?[method.rawValue.lowercased()]
    }

    func document() throws -> JSONValue {
        var document = JSONValue.null
        interface.handle(try Self.request(.get, "/openapi.json")) {
            document = (try? JSONValue(parsing: $0.body)) ?? .null
        }
        return document
    }

    /// An operation's answers are those of the description: status, type of the content, and headers.
    private func check(_ answer: Answer, to request: HTTPRequest) throws {
        #expect(answer.header("X-Request-ID") != nil)
        guard let operation = try operation(request.path, request.method) else { return }
        let described = try #require(
            operation["responses"]?["\(answer.status)"], "\(answer.status) of \(request.path) is not described")
        if let content = described["content"]?.object {
            #expect(content[answer.header("Content-Type") ?? ""] != nil)
        } else {
            #expect(answer.response.body.isEmpty)
        }
        for header in described["headers"]?.object?.members ?? [] { #expect(answer.header(header.key) != nil) }
    }

    /// Checks a token as a LiveKit server would.
    static func token(_ text: String?) throws -> AccessToken {
        try AccessToken(verifying: text ?? "", now: Int64(unixTime), .openSSL) { $0 == "devkey" ? secret : nil }
    }
}

extension ServerAPIError {
    static func refused(_ code: TwirpCode) -> ServerAPIError {
        .refused(method: "CreateDispatch", TwirpError(code, "the server's words"))
    }
}
