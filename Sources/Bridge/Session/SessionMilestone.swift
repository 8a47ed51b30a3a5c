/// How far a call has come, for those who follow calls from outside.
package enum SessionMilestone: Hashable, Sendable {
    /// The caller is in the room.
    case joined
}
