package import Wire

/// Asks the server for agents. Completions come on the loop of the caller, never during the call.
package protocol AgentDispatcher: AnyObject {
    /// Sees to it that `room` is there and has `agent`; one that is there or on its way is enough. For rooms that others
    /// may know. Completes with the metadata that the agent was dispatched with, by us or by somebody else.
    func placeAgent(
        _ agent: String, in room: String, metadata: String,
        completion: @escaping (Result<String, Failure>) -> Void)
    /// Dispatches `agent` to `room`, which is made if need be, whoever is there: a single call, for rooms that nobody
    /// else knows.
    func dispatchAgent(
        _ agent: String, to room: String, metadata: String,
        completion: @escaping (Result<Void, Failure>) -> Void)
    /// Asks why `agent` has not come to `room`. Completes within `Limits.absenceInquiry`, with nil when the server does not
    /// know.
    func explainAbsence(of agent: String, in room: String, completion: @escaping (Failure?) -> Void)
}
