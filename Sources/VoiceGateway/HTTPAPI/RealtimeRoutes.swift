internal import ClientProtocol
internal import HTTP
internal import Wire

/// `/v1/realtime/…`: what backends of programs for OpenAI's Realtime API ask for besides the WebSocket.
struct RealtimeRoutes {
    static let path = "/v1/realtime/client_secrets"

    /// Makes a secret for whoever has sent the request; nil only when memory ran out.
    let secret: (HTTPRequest, _ parameters: JSONObject, _ expiry: Int64) -> String?
    /// Seconds since 1970.
    let unixTime: () -> Int64

    var routes: [HTTPRoute] {
        [
            HTTPRoute(
                .post, Self.path, errors: .openAI, access: .programs, Self.documentation, answer: create)
        ]
    }

    private func create(_ request: HTTPRequest) -> HTTPResponse {
        let body: JSONValue
        do throws(JSONBody.Failure) {
            body = try JSONBody.value(of: request) ?? [:]
        } catch {
            switch error {
            case .wrongType: return ErrorStyle.openAI.response(415, "Content-Type must be application/json")
            case .malformed(let error):
                return ErrorStyle.openAI.response(400, "The request body is not valid JSON: \(error)")
            }
        }
        guard body.isNull || body.object != nil else {
            return ErrorStyle.openAI.response(400, "The request body must be a JSON object")
        }
        guard let lifetime = Self.lifetime(body["expires_after"]) else {
            let range = ClientSecret.lifetimes
            return ErrorStyle.openAI.response(
                400,
                "expires_after must be an object: anchor \"created_at\", and seconds from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        guard body["session"].map({ $0.isNull || $0.object != nil }) ?? true else {
            return ErrorStyle.openAI.response(400, "session must be an object")
        }
        let session = OpenAIRealtimeDialect.prepare(body["session"]?.object ?? [:])
        if let mistake = session.mistake { return ErrorStyle.openAI.response(400, mistake) }
        let size = JSONValue.object(session.parameters).serialized().utf8.count
        guard size <= ClientSecret.maximumParameters else {
            return ErrorStyle.openAI.response(
                400,
                "the session has \(size) bytes, and \(ClientSecret.maximumParameters) fit into a secret; send the rest by session.update"
            )
        }
        let expiry = unixTime() + lifetime
        guard let value = secret(request, session.parameters, expiry) else {
            return ErrorStyle.openAI.response(500, "No memory")
        }
        var answer: JSONObject = ["value": .string(value), "expires_at": .integer(expiry), "session": session.session]
        if !session.warnings.isEmpty { answer.append("warnings", .array(session.warnings.map { .string($0) })) }
        return .json(200, .object(answer))
    }

    /// In seconds; nil when it is none that a secret can have.
    private static func lifetime(_ expiry: JSONValue?) -> Int64? {
        guard let expiry else { return ClientSecret.standardLifetime }
        guard expiry.object != nil, expiry["anchor"] == nil || expiry["anchor"] == "created_at" else { return nil }
        guard let seconds = expiry["seconds"] else { return ClientSecret.standardLifetime }
        return seconds.integer.flatMap { ClientSecret.lifetimes.contains($0) ? $0 : nil }
    }

    // MARK: Description

    static let schemas: JSONObject = [
        "OpenAIError": [
            "type": "object", "required": ["error"],
            "properties": [
                "error": [
                    "type": "object", "required": ["message", "type"],
                    "properties": [
                        "message": ["type": "string", "description": "What is wrong, in a sentence."],
                        "type": ["type": "string"], "param": ["type": ["string", "null"]],
                        "code": ["type": ["string", "null"]],
                    ],
                ]
            ],
        ],
        "ClientSecretRequest": [
            "type": "object",
            "properties": [
                "expires_after": [
                    "type": "object",
                    "properties": [
                        "anchor": ["type": "string", "enum": ["created_at"]],
                        "seconds": [
                            "type": "integer", "minimum": .integer(ClientSecret.lifetimes.lowerBound),
                            "maximum": .integer(ClientSecret.lifetimes.upperBound),
                        ],
                    ],
                ],
                "session": [
                    "type": ["object", "null"],
                    "description": "As in `session.update`: model, instructions, formats, tools.",
                ],
            ],
        ],
        "ClientSecret": [
            "type": "object", "required": ["value", "expires_at", "session"], "additionalProperties": false,
            "properties": [
                "value": ["type": "string", "pattern": "^ek_"], "expires_at": ["type": "integer"],
                "session": ["type": "object", "description": "What a session will be that begins with it."],
                "warnings": [
                    "type": "array", "items": ["type": "string"],
                    "description": "What of the request has no effect, because an agent in a room decides it.",
                ],
            ],
        ],
    ]

    private static let documentation = OperationDocumentation(
        id: "createClientSecret", group: "Realtime", summary: "A secret with which a page may connect for a while",
        text:
            "For `/v1/realtime`, as OpenAI's API has it. The API key may stand in `Authorization: Bearer` as well.",
        body: .init(
            schema: ["anyOf": [ErrorStyle.reference("ClientSecretRequest"), ["type": "null"]]],
            example: [
                "expires_after": ["anchor": "created_at", "seconds": 600],
                "session": ["type": "realtime", "model": "voicegateway", "instructions": "Be brief."],
            ], isRequired: false),
        answers: [
            .init(status: 200, text: "The secret", schema: ErrorStyle.reference("ClientSecret")),
            .init(status: 400, text: "The request is not as it must be", schema: ErrorStyle.openAI.schema),
            .init(status: 500, text: "There is no memory", schema: ErrorStyle.openAI.schema),
        ])
}
