package import Wire

/// How far a call has come, for those who follow calls from outside.
package enum SessionMilestone: Hashable, Sendable {
    /// The caller is in the room.
    case joined
    /// The agent has been asked for, which took so long.
    case dispatched(after: Duration, Failure?)
    /// The client is told that no agent has come in time.
    case agentMissing
    /// The connection to the room is lost, and is back.
    case roomLost
    case roomBack
    /// The client has come back on another connection.
    case clientBack
    /// The client gets the first sound of an agent.
    case firstSound
    /// A reply begins for the client, so long after the caller was last heard to speak.
    case reply(after: Duration)
}
