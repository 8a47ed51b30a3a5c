import Bridge
import Testing
import Wire

@Suite("Turns of a client that waits for its own")
struct TurnTrackerTests {
    private func at(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    private func isNextTurn(
        _ turns: inout TurnTracker, isReplying: Bool = false, isAtWork: Bool = false, at milliseconds: Int
    ) -> Bool {
        turns.isNextTurn(isReplying: isReplying || isAtWork, isAtWork: isAtWork, now: at(milliseconds))
    }

    /// A turn has been played and its reply is heard.
    private func replying() -> TurnTracker {
        var turns = TurnTracker()
        turns.endTurn()
        turns.notePlayed(now: at(0))
        _ = turns.noteSound()
        return turns
    }

    @Test("the first piece of each reply is noticed")
    func firstPiece() {
        var turns = TurnTracker()
        let first = turns.noteSound()
        let second = turns.noteSound()
        turns.noteTold()
        let next = turns.noteSound()
        #expect(first && !second && next)
    }

    @Test("a reply that has been heard and read is over at once")
    func heardAndRead() {
        var turns = replying()
        turns.noteWords(areFinal: true)
        #expect(!isNextTurn(&turns, isReplying: true, at: 900))
        turns.endReply(now: at(1000))
        #expect(isNextTurn(&turns, at: 1000))
        #expect(!isNextTurn(&turns, at: 20_000))
    }

    @Test("words that come after their sound come before the next turn")
    func lateWords() {
        var turns = replying()
        turns.noteWords(areFinal: false)
        turns.endReply(now: at(1000))
        #expect(!isNextTurn(&turns, at: 2480))
        turns.noteWords(areFinal: true)
        #expect(isNextTurn(&turns, at: 2490))
    }

    @Test("words that never come are waited for once, and a moment only")
    func noWords() {
        var turns = replying()
        turns.endReply(now: at(1000))
        #expect(!isNextTurn(&turns, at: 2490))
        #expect(isNextTurn(&turns, at: 2500))
        _ = turns.noteSound()
        turns.endReply(now: at(5000))
        #expect(isNextTurn(&turns, at: 5000))
    }

    @Test("another reply does not wait for the words of the one before")
    func anotherReply() {
        var turns = replying()
        turns.endReply(now: at(1000))
        #expect(isNextTurn(&turns, isAtWork: true, at: 1100))
        #expect(!isNextTurn(&turns, isAtWork: true, at: 1120))
    }

    @Test("a faint end of the sound is no other reply")
    func faintEnd() {
        var turns = replying()
        turns.endReply(now: at(1000))
        #expect(!isNextTurn(&turns, isReplying: true, at: 1100))
        turns.noteWords(areFinal: true)
        #expect(isNextTurn(&turns, at: 1200))
    }

    @Test("a turn that the agent passes over is over ten seconds after it was played")
    func unanswered() {
        var turns = TurnTracker()
        turns.endTurn()
        #expect(!isNextTurn(&turns, at: 60_000))
        turns.notePlayed(now: at(60_000))
        #expect(!isNextTurn(&turns, at: 69_990))
        #expect(!isNextTurn(&turns, isReplying: true, at: 70_000))
        #expect(isNextTurn(&turns, at: 70_010))
        #expect(!isNextTurn(&turns, at: 90_000))
    }

    @Test("sound that ends without the client's word is no turn")
    func noTurn() {
        var turns = TurnTracker()
        turns.notePlayed(now: at(0))
        #expect(!isNextTurn(&turns, at: 60_000))
    }
}
