/// What an agent says about its session, besides what everybody sees of it: for clients that have asked (`agent_events`).
package enum AgentEvent: Hashable, Sendable {
    /// What the agent takes the user to do.
    package enum UserState: String, Hashable, Sendable {
        case speaking
        case listening
        /// Silent for long.
        case away
    }

    case userState(UserState)
    /// Somebody's turn is over, and part of the conversation.
    ///
    /// - Parameters:
    ///   - role: `user` or `assistant`.
    ///   - isInterrupted: the text is what was said until then.
    case item(id: String, role: Transcript.Role, text: String, isInterrupted: Bool)
    /// - Parameter arguments: JSON, as the agent's model wrote it.
    case toolStarted(call: String, name: String, arguments: String)
    case toolFinished(call: String, name: String, output: String, isFailure: Bool)
    /// What had interrupted the agent was no turn.
    ///
    /// - Parameter isResumed: the agent has gone on.
    case falseInterruption(isResumed: Bool)
    /// Something that the agent uses has failed.
    case failure(String)
}
