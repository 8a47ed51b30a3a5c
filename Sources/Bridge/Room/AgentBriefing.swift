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
    ///
    /// - Parameter trace: goes along as `traceparent` where the result is the text of a JSON object without one, and
    ///   changes nothing else in it.
    package func dispatchMetadata(_ metadata: String?, trace: TraceContext?) -> String {
        let text = dispatchMetadata(metadata)
        return trace.map { Self.adding($0, to: text) } ?? text
    }

    private static let traceMember = "traceparent"

    /// Metadata with a trace, if it is the text of a JSON object that has none; byte by byte as it was, otherwise.
    package static func adding(_ trace: TraceContext, to metadata: String) -> String {
        let bytes = Array(metadata.utf8)
        guard let object = (try? JSONValue(parsing: bytes))?.object, object[traceMember] == nil,
            let start = bytes.firstIndex(of: UInt8(ascii: "{"))
        else { return metadata }
        let member = "\"\(traceMember)\":\"\(trace.text)\"" + (object.isEmpty ? "" : ",")
        return String(decoding: bytes[...start] + Array(member.utf8) + bytes[(start + 1)...], as: UTF8.self)
    }

    /// Whether two dispatches tell an agent the same, whatever the traces are that they belong to.
    static func tellTheSame(_ one: String, _ other: String) -> Bool {
        if one == other { return true }
        guard var first = (try? JSONValue(parsing: one))?.object, var second = (try? JSONValue(parsing: other))?.object
        else { return false }
        first[traceMember] = nil
        second[traceMember] = nil
        return first == second
    }

    /// The same without a trace.
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
