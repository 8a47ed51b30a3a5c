internal import Wire

/// How clients are told what an agent says about its session. These types are no words of the gateway's own: an agent may say the
/// same in JSON of its own, which is as good.
enum AgentEventMessage {
    static func message(for event: AgentEvent) -> JSONObject {
        switch event {
        case .userState(let state): ["type": "user_state", "state": .string(state.rawValue)]
        case .item(let id, let role, let text, let isInterrupted):
            [
                "type": "item", "id": .string(id), "role": .string(role.rawValue), "content": .string(text),
                "interrupted": .bool(isInterrupted),
            ]
        case .toolStarted(let call, let name, let arguments):
            [
                "type": "tool_started", "call_id": .string(call), "name": .string(name),
                // An object where the model wrote one, as it was told to.
                "arguments": (try? JSONValue(parsing: Array(arguments.utf8))) ?? .string(arguments),
            ]
        case .toolFinished(let call, let name, let output, let isFailure):
            [
                "type": "tool_finished", "call_id": .string(call), "name": .string(name), "output": .string(output),
                "failed": .bool(isFailure),
            ]
        case .falseInterruption(let isResumed): ["type": "false_interruption", "resumed": .bool(isResumed)]
        case .failure(let message): ["type": "agent_error", "message": .string(message)]
        }
    }
}
