package import Wire

/// Decides when a client that speaks in turns may begin the next one: when the reply has been sent in sound and in words.
/// When no reply comes the client is told, too, because it does nothing until then. Pure.
package struct TurnTracker: Sendable {
    /// How long the client is kept waiting for the words of a reply whose sound has ended.
    package static let wordsGrace = Duration.milliseconds(1500)
    /// A turn that the agent does not answer is over this long after it was played.
    package static let unansweredTurn = Duration.seconds(10)

    /// A piece of the present reply has been sent.
    private var isReplyHeard = false
    /// The latest words of the present reply are final.
    private var isReplyRead = false
    /// When the reply ended; nil once the client has been told that the next turn is its own.
    private var replyEnded: Instant?
    /// The last reply came with words, so the next is expected to.
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
