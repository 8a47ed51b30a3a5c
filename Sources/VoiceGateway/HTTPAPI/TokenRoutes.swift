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

    let configuration: HTTPAPIConfiguration
    /// Seconds since 1970.
    let unixTime: () -> Int64

    var routes: [HTTPRoute] {
        [
            HTTPRoute(
                .get, "/v1/livekit/status", errors: .service, Self.statusDocumentation, answer: status),
            HTTPRoute(
                .post, "/v1/livekit/token", errors: .service, isGuarded: true,
                Self.documentation("createToken", "A token to join a room", "for a participant")
            ) { token(for: $0, isAgent: false) },
            HTTPRoute(
                .post, "/v1/livekit/agent-token", errors: .service, isGuarded: true,
                Self.documentation(
                    "createAgentToken", "A token for the agent",
                    "for `\(Self.agentIdentity)`, whoever is named, which may also change its own metadata")
            ) { token(for: $0, isAgent: true) },
        ]
    }

    private func status(_ request: HTTPRequest) -> HTTPResponse {
        let isEnabled = configuration.livekit.missing == nil
        return .json(
            200,
            [
                "enabled": .bool(isEnabled),
                "url": isEnabled ? .string(configuration.livekit.url ?? "") : .null,
                "default_room": isEnabled ? .string(configuration.livekitRoomName) : .null,
            ])
    }

    private func token(for request: HTTPRequest, isAgent: Bool) -> HTTPResponse {
        let wishes: ParticipantRequest
        do throws(ParticipantRequest.Mistakes) {
            wishes = try ParticipantRequest(request)
        } catch {
            return error.response
        }
        guard configuration.mayNameRooms || wishes.roomName == nil else {
            return ErrorStyle.service.response(403, "This server does not let callers choose room_name")
        }
        guard configuration.mayNameIdentities || wishes.participantIdentity == nil || isAgent else {
            return ErrorStyle.service.response(403, "This server does not let callers choose participant_identity")
        }
        if let (name, variable) = configuration.livekit.missing {
            return ErrorStyle.service.response(
                503, "LiveKit \(name) not configured. Set \(variable) environment variable.")
        }
        var random = SecureRandom()
        let room = wishes.roomName ?? configuration.livekitRoomName
        let identity =
            isAgent
            ? Self.agentIdentity
            : wishes.participantIdentity ?? "user-" + RandomName.hexadecimal(8, using: &random)
        var token = AccessToken.caller(
            identity, in: room, key: configuration.livekit.key ?? "", now: unixTime(),
            lifetime: configuration.livekitTokenTTL)
        token.name = isAgent ? Self.agentName : wishes.participantName ?? identity
        if isAgent { token.video.canUpdateOwnMetadata = true }
        return .json(
            200,
            [
                "token": .string(token.signed(secret: configuration.livekit.secret ?? "", .openSSL)),
                "url": .string(configuration.livekit.url ?? ""), "room_name": .string(room),
                "participant_identity": .string(identity),
            ])
    }

    // MARK: Description

    private static let statusDocumentation = OperationDocumentation(
        id: "livekitStatus", group: "LiveKit", summary: "Whether LiveKit can be used, and where it is",
        answers: [
            .init(
                status: 200, text: "Nulls unless URL, key and secret are known",
                schema: [
                    "type": "object", "required": ["enabled", "url", "default_room"], "additionalProperties": false,
                    "properties": [
                        "enabled": ["type": "boolean"], "url": ["type": ["string", "null"]],
                        "default_room": ["type": ["string", "null"]],
                    ],
                ])
        ])

    private static func documentation(_ id: String, _ summary: String, _ text: String) -> OperationDocumentation {
        OperationDocumentation(
            id: id, group: "LiveKit", summary: summary,
            text:
                "Makes an access token \(text). No agent is dispatched. Every member may be left out, and the body too.",
            body: .init(schema: ParticipantRequest.schema, example: ParticipantRequest.example, isRequired: false),
            answers: [
                .init(
                    status: 200, text: "The token",
                    schema: [
                        "type": "object", "required": ["token", "url", "room_name", "participant_identity"],
                        "additionalProperties": false,
                        "properties": [
                            "token": ["type": "string"], "url": ["type": "string"], "room_name": ["type": "string"],
                            "participant_identity": ["type": "string"],
                        ],
                    ]),
                .init(
                    status: 403, text: "The caller may not choose that", schema: ErrorStyle.service.schema),
                .init(
                    status: 422, text: "A member is not as it must be",
                    schema: ErrorStyle.reference("ValidationError")),
                .init(status: 503, text: "LiveKit is not configured", schema: ErrorStyle.service.schema),
            ])
    }
}
