package import Wire

/// What an agent is told about its job besides the client's metadata.
package struct AgentBriefing: Hashable, Sendable {
    package var instructions: String?
    /// Members of the client's `config` messages that are agents' affairs, such as `language`.
    package var fields: JSONObject = [:]

    package init(instructions: String? = nil, fields: JSONObject = [:]) {
        self.instructions = instructions
        self.fields = fields
    }

    /// The text of a JSON object for the dispatch: the client's metadata, if it is one, with the fields and with the
    /// instructions as both `instructions` and `prompt`. Metadata that is no JSON object goes under `metadata`, unless
    /// nothing is to be added to it.
    package func dispatchMetadata(_ metadata: String?) -> String {
        guard instructions != nil || !fields.isEmpty else { return metadata ?? "{}" }
        var object: JSONObject = [:]
        if let metadata {
            if let members = (try? JSONValue(parsing: metadata))?.object {
                object = members
            } else {
                object["metadata"] = .string(metadata)
            }
        }
        for member in fields.members { object[member.key] = member.value }
        if let instructions {
            object["instructions"] = .string(instructions)
            object["prompt"] = .string(instructions)
        }
        return JSONValue.object(object).serialized()
    }

    /// The data message that tells a running agent what is new since `old`.
    package func update(since old: AgentBriefing) -> JSONValue {
        var message: JSONObject = ["type": "config"]
        for member in fields.members where member.key != "type" && old.fields[member.key] != member.value {
            message[member.key] = member.value
        }
        if let instructions, instructions != old.instructions { message["instructions"] = .string(instructions) }
        return .object(message)
    }
}
