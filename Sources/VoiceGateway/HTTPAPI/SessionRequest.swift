internal import HTTP
internal import Wire

/// The body of `POST /session`, checked.
struct SessionRequest: Hashable {
    /// Characters of an identity or a room's name.
    static let maximumNameLength = 128
    /// What an agent is told when the caller does not say, in the order in which it is told.
    static let agentDefaults: [(name: String, value: String)] = [
        ("stt", "deepgram"), ("tts", "cartesia"), ("llm", "gpt-4o-mini"), ("prompt", "You are a helpful AI assistant."),
    ]

    /// What is wrong, in the sentence that the caller is told.
    struct Mistake: Error, Hashable {
        let status: Int
        let sentence: String
    }

    let userIdentity: String
    /// Nil: one is to be made up.
    let roomName: String?
    /// With defaults filled in; what the gateway does not know stands as the caller wrote it.
    let agentConfig: JSONObject
    /// The trace to which the session shall belong; nil when nobody says.
    let trace: TraceContext?

    init(_ request: HTTPRequest) throws(Mistake) {
        let body: JSONValue
        do throws(JSONBody.Failure) {
            body = try JSONBody.value(of: request) ?? [:]
        } catch {
            switch error {
            case .wrongType: throw Mistake(status: 415, sentence: "Content-Type must be application/json")
            case .malformed(let error):
                throw Mistake(status: 400, sentence: "The request body is not valid JSON: \(error)")
            }
        }
        guard let identity = body["userIdentity"]?.string else {
            throw Mistake(status: 400, sentence: "userIdentity is required and must be a string")
        }
        userIdentity = try Self.name(identity, "userIdentity")
        switch body["roomName"] {
        case nil, .null: roomName = nil
        case .string(let room): roomName = try Self.name(room, "roomName")
        default: throw Mistake(status: 400, sentence: "roomName must be a string")
        }
        agentConfig = try Self.configuration(body["agentConfig"])
        switch body["traceparent"] {
        case nil, .null, .string: break
        default: throw Mistake(status: 400, sentence: "traceparent must be a string")
        }
        trace =
            [
                body["traceparent"]?.string, request.headers["traceparent"], agentConfig["traceparent"]?.string,
            ].lazy.compactMap { $0.flatMap { TraceContext(parsing: $0) } }.first
    }

    /// A name without the white space around it.
    private static func name(_ text: String, _ member: String) throws(Mistake) -> String {
        let name = trimmed(text)
        guard !name.isEmpty else { throw Mistake(status: 400, sentence: "\(member) must not be empty") }
        guard name.unicodeScalars.count <= maximumNameLength else {
            throw Mistake(status: 400, sentence: "\(member) must be at most \(maximumNameLength) characters long")
        }
        let isAllowed = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard isAllowed else {
            throw Mistake(
                status: 400, sentence: "\(member) may only contain letters, numbers, hyphens and underscores")
        }
        return name
    }

    /// Without ASCII's white space at both ends.
    static func trimmed(_ text: String) -> String { String(text.trimmed(.asciiWhiteSpace)) }

    private static func configuration(_ value: JSONValue?) throws(Mistake) -> JSONObject {
        var members: JSONObject
        switch value {
        case nil, .null: members = [:]
        case .object(let object): members = object
        default: throw Mistake(status: 400, sentence: "agentConfig must be an object")
        }
        for (name, standard) in agentDefaults {
            switch members[name] {
            // Backends in JavaScript take an empty one for none, too.
            case nil, .null, "": members[name] = .string(standard)
            case .string: break
            default: throw Mistake(status: 400, sentence: "agentConfig.\(name) must be a string")
            }
        }
        return members
    }

    // MARK: Description

    /// A body that is accepted.
    static let example: JSONValue = [
        "userIdentity": "user123", "roomName": "support-room",
        "agentConfig": [
            "stt": "deepgram", "tts": "cartesia", "llm": "gpt-4o-mini",
            "prompt": "You are a friendly customer support agent.",
        ],
    ]

    /// JSON Schema of what is accepted.
    static var schema: JSONValue {
        let name = "[A-Za-z0-9_-]{1,\(maximumNameLength)}"
        // ECMAScript's and Python's \s hold more than is trimmed here.
        let space = "[ \\t-\\r]*"
        return [
            "type": "object", "required": ["userIdentity"],
            "properties": [
                "userIdentity": [
                    "type": "string", "pattern": .string("^\(space)\(name)\(space)$"),
                    "description": "Who joins. Agents that know their callers again know them by it.",
                ],
                "roomName": [
                    "type": ["string", "null"], "pattern": .string("^\(space)\(name)\(space)$"),
                    "description": "Where; a new room when it is left out.",
                ],
                "traceparent": [
                    "type": ["string", "null"],
                    "description":
                        "The trace to which the session shall belong (W3C Trace Context); the header of that name does the same.",
                ],
                "agentConfig": ["anyOf": [ErrorStyle.reference("AgentConfig"), ["type": "null"]]],
            ],
        ]
    }

    /// JSON Schema of what is accepted for the agent.
    static var agentConfigSchema: JSONValue {
        var fields = JSONObject()
        for (field, standard) in agentDefaults {
            fields[field] = ["type": ["string", "null"], "default": .string(standard)]
        }
        return [
            "type": "object", "properties": .object(fields), "additionalProperties": true,
            "description": "What the agent reads in its job's metadata. Members that are not named here are passed on.",
        ]
    }
}
