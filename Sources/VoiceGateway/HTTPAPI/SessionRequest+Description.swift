internal import ClientProtocol
internal import Wire

extension SessionRequest {
    /// A body that is accepted.
    static let example: JSONValue = [
        "userIdentity": "user123", "roomName": "support-room",
        "agentConfig": [
            "stt": "deepgram", "tts": "cartesia", "llm": "gpt-4o-mini",
            "prompt": "You are a friendly customer support agent.",
        ],
    ]

    /// JSON Schema of what is accepted.
    /// - Parameter hasStrictIdentities: what the operator has chosen.
    static func schema(hasStrictIdentities: Bool) -> JSONValue {
        let strict = pattern("[A-Za-z0-9_-]{1,\(maximumNameLength)}")
        // The first and the last are no spaces, which are cut off.
        let (inner, outer) = ("[^\\x00-\\x1f\\x7f-\\x9f]", "[^\\x00-\\x20\\x7f-\\x9f]")
        let wide = pattern("\(outer)(\(inner){0,\(maximumNameLength - 2)}\(outer))?")
        let word = "[A-Za-z0-9._-]{1,\(ParticipantAttributes.maximumNameBytes)}"
        return [
            "type": "object", "required": ["userIdentity"],
            "properties": [
                "userIdentity": [
                    "type": "string", "pattern": .string(hasStrictIdentities ? strict : wide),
                    "description": "Who joins. Agents that know their callers again know them by it.",
                ],
                "roomName": [
                    "type": ["string", "null"], "pattern": .string(strict),
                    "description": "Where; a new room when it is left out.",
                ],
                "userName": [
                    "type": ["string", "null"], "pattern": .string(wide), "description": "What people call the caller.",
                ],
                "agentName": [
                    "type": ["string", "null"], "pattern": .string(wide),
                    "description":
                        "The agent to dispatch, if callers may choose it; the operator's when it is left out.",
                ],
                "metadata": [
                    "type": ["string", "null"], "maxLength": .integer(Int64(maximumMetadataLength)),
                    "description": "Of the caller's participant, for those in the room.",
                ],
                "attributes": [
                    "type": ["object", "null"], "maxProperties": .integer(Int64(ParticipantAttributes.maximumCount)),
                    "propertyNames": [
                        "pattern": .string("^\(word)$"), "not": ["pattern": "^(voicegateway|lk|sip)\\."],
                    ],
                    "additionalProperties": [
                        "type": "string",
                        "pattern": .string("^\(inner){0,\(maximumValueLength)}$"),
                    ],
                    "description": "Of the caller's participant, for the agent.",
                ],
                "ttl": [
                    "type": ["integer", "null"], "minimum": .integer(lifetimes.lowerBound),
                    "maximum": .integer(lifetimes.upperBound), "default": .integer(standardLifetime),
                    "description": "How long the token is valid, in seconds.",
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

    /// What is in a name, with the white space around it that is cut off. ECMAScript's and Python's \s hold more.
    private static func pattern(_ name: String) -> String { "^[ \\t-\\r]*\(name)[ \\t-\\r]*$" }

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
