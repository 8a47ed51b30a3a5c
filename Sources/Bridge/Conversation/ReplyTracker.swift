package import ClientProtocol
package import Wire

/// Follows what the agent does, from its state and from its sound: when a reply is over and when it was cut short.
/// Pure.
package struct ReplyTracker: Sendable {
    /// What a change of state means for the client.
    package enum Outcome: Hashable, Sendable {
        /// Drop what is queued for playback: the caller has spoken over the agent.
        case interrupted
        /// The agent thinks about something new, so the reply that was cut short will not go on.
        case finished
    }

    /// An agent that shows no state has finished when it was quiet for this long.
    package static let quietAfterReply = Duration.milliseconds(1200)
    /// A reply without any sound is over so long after the agent went back to listening: sound may be on its way.
    package static let quietAfterSilentReply = Duration.milliseconds(1500)
    /// The same for an agent that shows no state and was never heard, after its last words.
    package static let quietAfterText = Duration.seconds(5)
    /// An agent that was interrupted by a noise goes on with the same reply within this time.
    package static let resumption = Duration.milliseconds(2500)

    package private(set) var state: AgentState?
    /// When the agent began to speak, by its state; nil while it does not.
    private var speakingSince: Instant?
    /// The last sign of a reply that is not over: sound, a state, or text.
    private var lastSign: Instant?
    /// The reply has been heard; any was.
    private var hasSounded = false
    private var hasEverSounded = false
    /// A reply has ended, and no state has told of another one since.
    private var hasFinished = false
    /// An interrupted reply is not over before this time.
    private var earliestEnd: Instant?
    private let window: Duration

    package init(limits: Limits) { window = limits.interruptionWindow }

    /// Whether the agent's state says that it is at work on a reply.
    package var isAtWork: Bool { state == .speaking || state == .thinking }

    /// Whether there is a reply that is not over, or that will come.
    package var isReplying: Bool { lastSign != nil || isAtWork }

    /// Takes a new state. It is an interruption when the agent stops while the caller speaks, or has spoken a moment
    /// ago and since the agent began.
    package mutating func change(
        to new: AgentState, lastSpeech: Instant?, lastTranscript: Instant?, now: Instant
    ) -> Outcome? {
        guard new != state else { return nil }
        let since = speakingSince
        let wasAtWork = isAtWork
        let isNewReply = new == .thinking && !wasAtWork && lastSign != nil && hasSounded
        state = new
        if isNewReply { finish() }
        if wasAtWork || isAtWork { lastSign = now }
        if isAtWork { hasFinished = false }
        if new == .speaking {
            speakingSince = now
            earliestEnd = nil
            return nil
        }
        speakingSince = nil
        if isNewReply { return .finished }
        guard let since, let voice = [lastSpeech, lastTranscript].compactMap({ $0 }).max() else { return nil }
        // Speech that only led to this reply is not against it: it must go on into the reply.
        guard voice > since, now - voice <= window else { return nil }
        earliestEnd = now + Self.resumption
        return .interrupted
    }

    /// The agent has said something in words. Only where neither state nor sound tells of replies are these all that
    /// there is of one: otherwise words that come late would be another reply.
    package mutating func noteText(now: Instant) {
        if state == nil, !hasEverSounded { lastSign = now }
    }

    /// Looks whether the reply is over: there was one, it is not heard any more, and the agent does not say that it is
    /// still at work.
    /// - Parameter isAudible: whether the agent is heard at the moment.
    package mutating func isReplyFinished(isAudible: Bool, now: Instant) -> Bool {
        if isAudible {
            // The faint end of a reply that is over is not another one; of that the state will tell.
            if lastSign == nil, hasFinished, state != nil, !isAtWork { return false }
            hasSounded = true
            hasEverSounded = true
            lastSign = now
            return false
        }
        guard let lastSign, !isAtWork, earliestEnd.map({ $0 <= now }) ?? true else { return false }
        let quiet: Duration =
            switch (hasSounded, state != nil) {
            case (true, true): .zero
            case (true, false): Self.quietAfterReply
            case (false, true): Self.quietAfterSilentReply
            case (false, false): Self.quietAfterText
            }
        guard now - lastSign >= quiet else { return false }
        finish()
        return true
    }

    private mutating func finish() {
        hasFinished = true
        lastSign = nil
        hasSounded = false
        earliestEnd = nil
    }

    /// The agent has left.
    package mutating func reset() {
        state = nil
        hasFinished = false
        speakingSince = nil
        earliestEnd = nil
    }
}
