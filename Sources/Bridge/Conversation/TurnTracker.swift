package import Wire

/// Decides when a client that speaks in turns may begin the next: when the reply has been heard and read, and also when
/// no reply comes, because such a client waits for that word and does nothing else. Pure.
package struct TurnTracker: Sendable {
    /// The words of a reply may come so much later than its sound.
    package static let wordsGrace = Duration.milliseconds(1500)
    /// A turn that was played so long ago, and that the agent has passed over, is over as well.
    package static let unansweredTurn = Duration.seconds(10)

    /// A piece of the present reply has been sent.
    private var isReplyHeard = false
    /// The last of its words that are there are final.
    private var isReplyRead = false
    /// The client waits for the word since the end of this reply.
    private var replyEnded: Instant?
    /// Replies of this agent come with words, as far as the last one has shown.
    private var expectsWords = true
    /// The client has ended its turn and waits.
    private var isTurnOpen = false
    private var turnPlayed: Instant?

    package init() {}

    /// The client has ended a turn.
    package mutating func endTurn() {
        isTurnOpen = true
        turnPlayed = nil
    }

    /// All sound of the turn has been in the room, and what the agent had to hear with it.
    package mutating func notePlayed(now: Instant) {
        if isTurnOpen { turnPlayed = now }
    }

    /// A piece of a reply is about to be sent; true when it is the first.
    package mutating func noteSound() -> Bool {
        defer { isReplyHeard = true }
        return !isReplyHeard
    }

    /// Words of the agent have come.
    package mutating func noteWords(areFinal: Bool) {
        isReplyRead = areFinal
        expectsWords = true
    }

    /// The agent has said everything of its reply.
    package mutating func endReply(now: Instant) { replyEnded = now }

    /// Whether the client is to be told now that the next turn is its own.
    /// - Parameters:
    ///   - isReplying: whether the agent is heard, or at work on a reply.
    ///   - isAtWork: whether its state says so; sound alone may be the faint end of the reply before.
    package mutating func isNextTurn(isReplying: Bool, isAtWork: Bool, now: Instant) -> Bool {
        if let replyEnded {
            let hasAllWords = isReplyRead || !(expectsWords && isReplyHeard)
            let isOverdue = now - replyEnded >= Self.wordsGrace
            // What begins meanwhile is another reply.
            guard hasAllWords || isOverdue || isAtWork else { return false }
            expectsWords = isReplyRead || !isReplyHeard
        } else {
            guard let turnPlayed, !isReplying, now - turnPlayed >= Self.unansweredTurn else { return false }
        }
        noteTold()
        return true
    }

    /// The client has been told.
    package mutating func noteTold() {
        isReplyHeard = false
        isReplyRead = false
        replyEnded = nil
        isTurnOpen = false
        turnPlayed = nil
    }
}
