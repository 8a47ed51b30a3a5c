/// How much of the agent's sound a client can take: a device has a few kilobytes for it, a browser as much as there is.
package struct SoundAllowance: Hashable, Sendable {
    /// How much may wait at the client to be played; nil for any amount, as it comes.
    package var lead: Duration?
    /// How much of what a client has missed it gets on its next connection, the latest; nil for all that was kept.
    package var replay: Duration?
    /// Whether it gets sound faster that it is late with.
    package var catchesUp = false

    /// What may wait at a client that has said nothing but what it wants to hear again, or that it catches up.
    package static let standardLead = Duration.milliseconds(100)

    package init(lead: Duration? = nil, replay: Duration? = nil) {
        self.lead = lead
        self.replay = replay
    }

    /// As the client has chosen by `buffer_ms`, `resume_audio_ms` and `catch_up`.
    init(_ parameters: SessionParameters) {
        lead = parameters.bufferMilliseconds.map { .milliseconds($0) }
        replay = parameters.resumedMilliseconds.map { .milliseconds($0) }
        // Seconds of sound at once are what such a client cannot keep.
        catchesUp = parameters.catchesUp
        if lead == nil, replay != nil || catchesUp {
            lead = max(Self.standardLead, .milliseconds(2 * parameters.frameMilliseconds))
        }
    }
}
