internal import Bridge
internal import ClientProtocol
internal import HTTP
internal import LiveKitParticipant
internal import Observability
internal import SecureTransport
internal import Signalling
internal import Wire

/// `POST /session` and `POST /session/end`: a backend asks for a room with an agent and hands the answer to its client,
/// which joins by LiveKit or by WebSocket, as it likes.
struct SessionRoutes {
    /// Where WebSocket clients take their token.
    static let webSocketPath = ClientDialects.ofSessions.paths[0]

    let configuration: GatewayConfiguration
    /// Where clients find the room server.
    let livekitURL: String
    let rooms: any RoomServerAccess
    let log: Log
    /// Seconds since 1970.
    let unixTime: () -> Int64

    var routes: [HTTPRoute] {
        [
            HTTPRoute(.post, "/session", errors: .session, access: .callers, Self.startDocumentation, handler: start),
            HTTPRoute(.post, "/session/end", errors: .session, access: .callers, Self.endDocumentation, handler: end),
        ]
    }

    // MARK: Starting

    private func start(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        let session: SessionRequest
        do throws(SessionRequest.Mistake) {
            session = try SessionRequest(
                request, hasStrictIdentities: configuration.access.hasStrictIdentities)
        } catch {
            return completion(Self.refusal(error.status, error.sentence))
        }
        guard configuration.access.mayNameIdentities else {
            return completion(Self.refusal(403, "This server does not let callers choose userIdentity"))
        }
        guard configuration.access.mayNameRooms || session.roomName == nil else {
            return completion(Self.refusal(403, "This server does not let callers choose roomName"))
        }
        if let agent = session.agentName, !configuration.access.allowedAgents.allows(agent) {
            return completion(Self.refusal(403, "This server does not let callers choose the agent \"\(agent)\""))
        }
        let credentials = configuration.roomServer.credentials
        var random = SecureRandom()
        let room = session.roomName ?? "room-" + RandomName.uuid(using: &random)
        let trace = session.trace ?? TraceContext(using: &random)
        var claims = AccessToken.caller(
            session.userIdentity, in: room, key: credentials.key, now: unixTime(), lifetime: session.lifetime)
        (claims.name, claims.metadata, claims.attributes) = (session.userName, session.metadata, session.attributes)
        let token = claims.signed(secret: credentials.secret, .openSSL)
        let agent = session.agentName ?? configuration.agentName
        let query = session.agentName.map { "&agent=" + PercentEncoding.encoded($0) } ?? ""
        guard
            let webSocketURL = PublicAddress(configuration.http).webSocketURL(
                "\(Self.webSocketPath)?access_token=\(token)&traceparent=\(trace.text)\(query)", for: request)
        else { return completion(Self.refusal(400, "The Host header does not say where this server is")) }
        var metadata = JSONValue.object(session.agentConfig).serialized()
        if configuration.dispatchTraceparent { metadata = AgentBriefing.adding(trace, to: metadata) }
        rooms.open(room, agent: agent, metadata: metadata) { [log, livekitURL, rooms] result in
            let isDispatched: Bool
            switch result {
            case .success(let isComing): isDispatched = isComing
            case .failure(let error):
                let fault = rooms.fault(error)
                log.error(
                    "session not created",
                    [
                        "room": room, "identity": session.userIdentity, "trace_id": trace.traceText,
                        "reason": fault.reason.rawValue, "error": fault.detail,
                    ])
                return completion(
                    .json(500, ["error": "Failed to create session", "reason": .string(fault.reason.rawValue)]))
            }
            let told = ["stt", "tts", "llm"].map { JSONObject.Member(key: $0, value: session.agentConfig[$0] ?? .null) }
            completion(
                .json(
                    200,
                    [
                        "userToken": .string(token), "roomName": .string(room), "livekitUrl": .string(livekitURL),
                        "agentDispatched": .bool(isDispatched), "agentConfig": .object(JSONObject(members: told)),
                        "websocketUrl": .string(webSocketURL),
                    ]))
        }
    }

    private static func refusal(_ status: Int, _ sentence: String) -> HTTPResponse {
        .json(status, ["error": .string(sentence), "example": SessionRequest.example])
    }

    // MARK: Ending

    private func end(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        let body: JSONValue?
        do throws(JSONBody.Failure) {
            body = try JSONBody.value(of: request)
        } catch {
            switch error {
            case .wrongType:
                return completion(ErrorStyle.session.response(415, "Content-Type must be application/json"))
            case .malformed(let error):
                return completion(
                    ErrorStyle.session.response(400, "The request body is not valid JSON: \(error)"))
            }
        }
        let room = SessionRequest.trimmed(body?["roomName"]?.string ?? "")
        guard !room.isEmpty else { return completion(ErrorStyle.session.response(400, "roomName is required")) }
        rooms.endRoom(room) { [log, rooms] result in
            switch result {
            case .success: completion(.empty(204))
            case .failure(let error) where error.code == .notFound:
                completion(ErrorStyle.session.response(404, "Session not found for room"))
            case .failure(let error):
                log.warning("room not ended", ["room": room, "error": "\(error)"])
                completion(
                    .json(
                        502,
                        [
                            "error": "Failed to delete LiveKit room",
                            "reason": .string(rooms.fault(error).reason.rawValue), "details": .string(error.summary),
                        ]))
            }
        }
    }

    // MARK: Description

    private static let startDocumentation = OperationDocumentation(
        id: "createSession", group: "Sessions", summary: "Make a room with an agent, and a token to join it",
        text: """
            The token is valid for ten minutes, or `ttl` seconds, and for that room. The agent is dispatched with `agentConfig` as its job's \
            metadata; a room that has the agent already keeps it. `agentDispatched` is false when that failed but the room \
            can be joined all the same. The client joins at `livekitUrl` with `userToken`, or connects a WebSocket to \
            `websocketUrl`, which holds the token: treat it like a password.
            """,
        body: .init(
            schema: ErrorStyle.reference("CreateSessionRequest"), example: SessionRequest.example, isRequired: true),
        answers: [
            .init(status: 200, text: "The session", schema: ErrorStyle.reference("CreateSessionResponse")),
            .init(status: 400, text: "The body is not as it must be", schema: ErrorStyle.session.schema),
            .init(status: 403, text: "The caller may not choose that", schema: ErrorStyle.session.schema),
            .init(
                status: 500, text: "The room server cannot be used; `reason` says why",
                schema: ErrorStyle.session.schema),
        ])

    /// The schemas that the routes refer to.
    /// - Parameter access: what the operator has chosen.
    static func schemas(_ access: AccessPolicy) -> JSONObject {
        var schemas = fixedSchemas
        schemas["CreateSessionRequest"] = SessionRequest.schema(hasStrictIdentities: access.hasStrictIdentities)
        return schemas
    }

    private static let fixedSchemas: JSONObject = [
        "AgentConfig": SessionRequest.agentConfigSchema,
        "CreateSessionResponse": answerSchema,
        "AgentModels": [
            "type": "object", "required": ["stt", "tts", "llm"], "additionalProperties": false,
            "properties": ["stt": ["type": "string"], "tts": ["type": "string"], "llm": ["type": "string"]],
        ],
        "EndSessionRequest": [
            "type": "object", "required": ["roomName"],
            "properties": ["roomName": ["type": "string", "pattern": "[^ \\t-\\r]"]],
        ],
    ]

    private static let answerSchema: JSONValue = [
        "type": "object",
        "required": ["userToken", "roomName", "livekitUrl", "agentDispatched", "agentConfig", "websocketUrl"],
        "properties": [
            "userToken": ["type": "string"], "roomName": ["type": "string"], "livekitUrl": ["type": "string"],
            "agentDispatched": ["type": "boolean"],
            "agentConfig": ErrorStyle.reference("AgentModels"),
            "websocketUrl": ["type": "string", "pattern": "^wss?://"],
        ],
    ]

    private static let endDocumentation = OperationDocumentation(
        id: "endSession", group: "Sessions", summary: "End a session's room",
        text: "Everybody in it is sent away, the agent too.",
        body: .init(
            schema: ErrorStyle.reference("EndSessionRequest"), example: ["roomName": "support-room"],
            isRequired: true),
        answers: [
            .init(status: 204, text: "It is over", schema: nil),
            .init(status: 400, text: "The body names no room", schema: ErrorStyle.session.schema),
            .init(status: 404, text: "There is no such room", schema: ErrorStyle.session.schema),
            .init(status: 502, text: "The room server refuses, or is not there", schema: ErrorStyle.session.schema),
        ])
}
