package import ClientProtocol
package import Wire

/// Follows what the agent does, from its state and from its sound: when a reply is over and when it was cut short.
/// Pure.
package struct ReplyTracker: Sendable {
    /// What a change of state means for the client.
    package enum Outcome: Hashable, Sendable {
        /// Drop what is queued for playback: the caller has spoken over the agent.
        case interrupted
    }

    /// An agent that shows no state has finished when it was quiet for this long.
    package static let quietAfterReply = Duration.milliseconds(1200)

    package private(set) var state: AgentState?
    /// When the agent began to speak, by its state; nil while it does not.
    private var speakingSince: Instant?
    private var hasSounded = false
    private var lastSound: Instant?
    private let window: Duration

    package init(limits: Limits) { window = limits.interruptionWindow }

    /// Takes a new state. It is an interruption when the agent stops while the caller speaks, or has spoken a moment
    /// ago and since the agent began.
    package mutating func change(
        to new: AgentState, lastSpeech: Instant?, lastTranscript: Instant?, now: Instant
    ) -> Outcome? {
        guard new != state else { return nil }
        let since = speakingSince
        state = new
        if new == .speaking {
            speakingSince = now
            return nil
        }
        speakingSince = nil
        guard let since, let voice = [lastSpeech, lastTranscript].compactMap({ $0 }).max() else { return nil }
        // Speech that only led to this reply is not against it: it must go on into the reply.
        guard voice > since, now - voice <= window else { return nil }
        return .interrupted
    }

    /// Looks whether the reply is over: there was sound, there is none any more, and the agent does not say that it
    /// is still speaking.
    /// - Parameter isAudible: whether the agent is heard at the moment.
    package mutating func isReplyFinished(isAudible: Bool, now: Instant) -> Bool {
        if isAudible {
            hasSounded = true
            lastSound = now
            return false
        }
        guard hasSounded, let lastSound, state != .speaking else { return false }
        if state == nil, now - lastSound < Self.quietAfterReply { return false }
        hasSounded = false
        return true
    }

    /// The agent has left.
    package mutating func reset() {
        state = nil
        speakingSince = nil
    }
}
