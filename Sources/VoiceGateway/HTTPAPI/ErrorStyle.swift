internal import ClientProtocol
internal import HTTP
internal import Wire

/// How errors look. The two interfaces come from two backends, and their clients read what those wrote.
enum ErrorStyle {
    /// `{"error":"…"}`, as Express backends have it.
    case session
    /// `{"detail":"…"}`, as FastAPI backends have it.
    case service
    /// `{"error":{"message":"…",…}}`, as OpenAI's API has it.
    case openAI

    func response(_ status: Int, _ sentence: String) -> HTTPResponse {
        switch self {
        case .session: .json(status, ["error": .string(sentence)])
        case .service: .json(status, ["detail": .string(sentence)])
        case .openAI:
            .json(
                status,
                [
                    "error": [
                        "message": .string(sentence),
                        "type": status < 500 ? "invalid_request_error" : "server_error", "param": .null,
                        "code": status == 401 || status == 403 ? "invalid_api_key" : .null,
                    ]
                ])
        }
    }

    /// The path has no such method.
    func methodNotAllowed(path: String) -> HTTPResponse {
        switch self {
        case .session: .json(405, ["error": "Method not allowed", "path": .string(path)])
        case .service, .openAI: response(405, "Method Not Allowed")
        }
    }

    func refusal(_ refusal: AdmissionRefusal) -> HTTPResponse { response(refusal.httpStatus, refusal.httpDetail) }

    /// Nothing has this path, whichever backend it was meant for.
    static func notFound(path: String) -> HTTPResponse { .json(404, ["error": "Not found", "path": .string(path)]) }

    /// The JSON Schema of an error, by its name in the description's components.
    var schema: JSONValue {
        switch self {
        case .session: Self.reference("ErrorResponse")
        case .service: Self.reference("Detail")
        case .openAI: Self.reference("OpenAIError")
        }
    }

    static func reference(_ name: String) -> JSONValue { ["$ref": "#/components/schemas/\(name)"] }

    /// The schemas that `schema` and the routes refer to.
    static let schemas: JSONObject = [
        "ErrorResponse": [
            "type": "object", "required": ["error"],
            "properties": [
                "error": ["type": "string", "description": "What is wrong, in a sentence."],
                "example": ["type": "object", "description": "A body that would be accepted."],
                "reason": reference("ErrorReason"),
                "details": ["type": "string", "description": "What the room server said."],
                "path": ["type": "string"],
            ],
        ],
        "ErrorReason": [
            "type": "string", "enum": .array(RoomServerFault.Reason.allCases.map { .string($0.rawValue) }),
            "description": "Why the room server cannot be used, in a word for programs.",
        ],
        "Detail": [
            "type": "object", "required": ["detail"],
            "properties": ["detail": ["type": "string", "description": "What is wrong, in a sentence."]],
        ],
        "ValidationError": [
            "type": "object", "required": ["detail"],
            "properties": [
                "detail": [
                    "type": "array", "minItems": 1, "items": reference("ValidationErrorItem"),
                ]
            ],
        ],
        "ValidationErrorItem": [
            "type": "object", "required": ["loc", "msg", "type"],
            "properties": [
                "loc": [
                    "type": "array", "items": ["type": ["string", "integer"]],
                    "description": "Where: `body`, then the member, or the byte.",
                ],
                "msg": ["type": "string", "description": "What is wrong, in a sentence."],
                "type": ["type": "string", "description": "What is wrong, in a word."],
                "ctx": ["type": "object", "description": "The limit that does not hold."],
            ],
        ],
    ]
}
