/// What a track is to the client. Turns, replies and whether a session is idle depend on voices alone.
package enum SoundRole: Hashable, Sendable {
    /// Whom the client talks with: the agent, or whoever is there where no agent is.
    case voice
    /// Somebody else in a room with an agent.
    case person
    /// What an agent plays beside its voice.
    case ambience
}
