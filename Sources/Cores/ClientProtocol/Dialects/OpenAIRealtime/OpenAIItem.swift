internal import Wire

/// One thing that was said in the conversation, as OpenAI's API calls it: a turn of the caller or of the agent, a call of a
/// tool, or what came of it.
struct OpenAIItem: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        /// - Parameter transcript: nil until it is known.
        case callerSound(transcript: String?)
        case callerText(String)
        /// The agent's words, as far as they are known.
        case agent(transcript: String)
        case call(id: String, tool: String, arguments: String)
        case callOutput(id: String, output: String)
    }

    enum Status: String, Hashable, Sendable {
        case inProgress = "in_progress"
        case completed
        case incomplete
    }

    let id: String
    var content: Content
    var status = Status.completed

    init(_ id: String, _ content: Content, _ status: Status = .completed) {
        self.id = id
        self.content = content
        self.status = status
    }

    var json: JSONValue {
        var item: JSONObject = ["id": .string(id), "object": "realtime.item"]
        switch content {
        case .callerSound(let transcript):
            let text = transcript.map { JSONValue.string($0) } ?? .null
            fill(&item, role: "user", [["type": "input_audio", "transcript": text]])
        case .callerText(let text): fill(&item, role: "user", [["type": "input_text", "text": .string(text)]])
        case .agent(let transcript):
            let isBegun = status != .inProgress || !transcript.isEmpty
            fill(
                &item, role: "assistant",
                isBegun ? [["type": "output_audio", "transcript": .string(transcript)]] : [])
        case .call(let call, let tool, let arguments):
            item.append("type", "function_call")
            item.append("status", .string(status.rawValue))
            item.append("name", .string(tool))
            item.append("call_id", .string(call))
            item.append("arguments", .string(arguments))
        case .callOutput(let call, let output):
            item.append("type", "function_call_output")
            item.append("status", .string(status.rawValue))
            item.append("call_id", .string(call))
            item.append("output", .string(output))
        }
        return .object(item)
    }

    private func fill(_ item: inout JSONObject, role: String, _ content: [JSONValue]) {
        item.append("type", "message")
        item.append("role", .string(role))
        item.append("status", .string(status.rawValue))
        item.append("content", .array(content))
    }
}
