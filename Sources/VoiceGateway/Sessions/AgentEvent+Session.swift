internal import ClientProtocol
internal import Signalling

extension AgentEvent {
    /// What clients are told of news of a session; nothing for most of them.
    static func events(of news: AgentSessionEvent) -> [AgentEvent] {
        if let change = news.userStateChanged {
            let states: [Int32: UserState] = [0: .speaking, 1: .listening, 2: .away]
            return states[change.newState.rawValue].map { [.userState($0)] } ?? []
        }
        if let message = news.conversationItemAdded?.item?.message {
            let roles: [Int32: Transcript.Role] = [2: .user, 3: .assistant]
            guard let role = roles[message.role.rawValue] else { return [] }
            let text = message.content.map(\.text).joined(separator: "\n")
            return [.item(id: message.id, role: role, text: text, isInterrupted: message.interrupted)]
        }
        if let call = news.toolExecutionUpdated?.started?.functionCall {
            return [.toolStarted(call: call.callId, name: call.name, arguments: call.arguments)]
        }
        if let outputs = news.functionToolsExecuted?.functionCallOutputs {
            return outputs.map {
                .toolFinished(call: $0.callId, name: $0.name, output: $0.output, isFailure: $0.isError)
            }
        }
        if let interruption = news.agentFalseInterruption {
            return [.falseInterruption(isResumed: interruption.resumed)]
        }
        return news.error.map { [.failure($0.message)] } ?? []
    }
}
