package import ClientProtocol

/// Why the server did not dispatch an agent.
package struct DispatchFailure: Error, Hashable, Sendable {
    package var blame: ClientError.Blame
    /// What went wrong, as a sentence without secrets.
    package var message: String
    package var isRetryable: Bool

    package init(blame: ClientError.Blame, message: String, isRetryable: Bool) {
        self.blame = blame
        self.message = message
        self.isRetryable = isRetryable
    }
}

/// Asks the server for agents. Completions come on the loop of the caller, never during the call.
package protocol AgentDispatcher: AnyObject {
    /// The names of the agents that are dispatched to `room`; none when there is no such room.
    func listDispatches(
        room: String, completion: @escaping (Result<[String], DispatchFailure>) -> Void)
    /// Dispatches `agent` to `room`, which is made if need be.
    func createDispatch(
        room: String, agent: String, metadata: String, completion: @escaping (Result<Void, DispatchFailure>) -> Void)
}
