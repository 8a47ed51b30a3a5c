internal import Bridge
internal import HTTP
internal import SecureTransport
internal import Signalling
internal import Wire

/// `/v1/livekit/…`: tokens for clients that speak LiveKit themselves, and for an agent without a dispatch.
struct TokenRoutes {
    /// Who agents without a dispatch are.
    static let agentIdentity = "gemma-voice-agent"
    static let agentName = "Gemma Voice Agent"

    let configuration: GatewayConfiguration
    /// Where clients find the room server.
    let livekitURL: String
    /// Seconds since 1970.
    let unixTime: () -> Int64

    var routes: [HTTPRoute] {
        [
            HTTPRoute(
                .get, "/v1/livekit/status", errors: .service, Self.statusDocumentation, answer: status),
            HTTPRoute(
                .post, "/v1/livekit/token", errors: .service, access: .callers,
                Self.documentation("createToken", "A token to join a room", "for a participant")
            ) { token(for: $0, isAgent: false) },
            HTTPRoute(
                .post, "/v1/livekit/agent-token", errors: .service, access: .callers,
                Self.documentation(
                    "createAgentToken", "A token for the agent",
                    "for `\(Self.agentIdentity)`, whoever is named, which may also change its own metadata")
            ) { token(for: $0, isAgent: true) },
        ]
    }

    private func status(_ request: HTTPRequest) -> HTTPResponse {
        .json(
            200,
            [
                "enabled": true, "url": .string(livekitURL),
                "default_room": .string(configuration.tokens.livekitRoomName),
            ])
    }

    private func token(for request: HTTPRequest, isAgent: Bool) -> HTTPResponse {
        let wishes: ParticipantRequest
        do throws(ParticipantRequest.Mistakes) {
            wishes = try ParticipantRequest(request)
        } catch {
            return error.response
        }
        guard configuration.access.mayNameRooms || wishes.roomName == nil else {
            return ErrorStyle.service.response(403, "This server does not let callers choose room_name")
        }
        guard configuration.access.mayNameIdentities || wishes.participantIdentity == nil || isAgent else {
            return ErrorStyle.service.response(403, "This server does not let callers choose participant_identity")
        }
        let credentials = configuration.roomServer.credentials
        var random = SecureRandom()
        let room = wishes.roomName ?? configuration.tokens.livekitRoomName
        let identity =
            isAgent
            ? Self.agentIdentity
            : wishes.participantIdentity ?? "user-" + RandomName.hexadecimal(8, using: &random)
        var token = AccessToken.caller(
            identity, in: room, key: credentials.key, now: unixTime(),
            lifetime: Int64(configuration.tokens.livekitTokenTTL))
        token.name = isAgent ? Self.agentName : wishes.participantName ?? identity
        if isAgent { token.video.canUpdateOwnMetadata = true }
        return .json(
            200,
            [
                "token": .string(token.signed(secret: credentials.secret, .openSSL)),
                "url": .string(livekitURL), "room_name": .string(room),
                "participant_identity": .string(identity),
            ])
    }

    // MARK: Description

    /// The schemas that the routes refer to.
    static let schemas: JSONObject = [
        "TokenRequest": ParticipantRequest.schema,
        "TokenResponse": [
            "type": "object", "required": ["token", "url", "room_name", "participant_identity"],
            "additionalProperties": false,
            "properties": [
                "token": ["type": "string"], "url": ["type": "string"], "room_name": ["type": "string"],
                "participant_identity": ["type": "string"],
            ],
        ],
        "LiveKitStatus": [
            "type": "object", "required": ["enabled", "url", "default_room"], "additionalProperties": false,
            "properties": [
                "enabled": ["type": "boolean", "const": true], "url": ["type": "string"],
                "default_room": ["type": "string"],
            ],
        ],
    ]

    private static let statusDocumentation = OperationDocumentation(
        id: "livekitStatus", group: "LiveKit", summary: "Where LiveKit is",
        answers: [
            .init(
                status: 200, text: "LiveKit can always be used", schema: ErrorStyle.reference("LiveKitStatus"))
        ])

    private static func documentation(_ id: String, _ summary: String, _ text: String) -> OperationDocumentation {
        OperationDocumentation(
            id: id, group: "LiveKit", summary: summary,
            text:
                "Makes an access token \(text). No agent is dispatched. Every member may be left out, and the body too.",
            body: .init(
                schema: ["anyOf": [ErrorStyle.reference("TokenRequest"), ["type": "null"]]],
                example: ParticipantRequest.example, isRequired: false),
            answers: [
                .init(status: 200, text: "The token", schema: ErrorStyle.reference("TokenResponse")),
                .init(
                    status: 403, text: "The caller may not choose that", schema: ErrorStyle.service.schema),
                .init(
                    status: 422, text: "A member is not as it must be",
                    schema: ErrorStyle.reference("ValidationError")),
            ])
    }
}
