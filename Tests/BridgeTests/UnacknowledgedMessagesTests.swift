import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("Messages that may not have arrived")
struct UnacknowledgedMessagesTests {
    private var messages = UnacknowledgedMessages(maximumBytes: 10_000)

    /// What a client that comes back gets of them.
    private mutating func left() -> (messages: [ClientMessage], stand: AbsentClient) {
        let stand = AbsentClient(limits: Limits())
        messages.hand(to: stand)
        return (stand.takeAll().map(\.message), stand)
    }

    /// 100 bytes on the wire.
    private func text(_ character: Character) -> ClientMessage { .text(String(repeating: character, count: 98)) }

    @Test("what has been acknowledged is forgotten; a message of which a part is missing is kept as a whole")
    mutating func arrivals() {
        for character in "abcd" { messages.note(text(character), count: 98) }
        messages.noteArrivals(unacknowledged: 250)
        #expect(left().messages == [text("b"), text("c"), text("d")])
        #expect(left().messages.isEmpty)
    }

    @Test("a ping on its way is no message")
    mutating func control() {
        messages.note(text("a"), count: 98)
        messages.noteArrivals(unacknowledged: 4)
        #expect(left().messages.isEmpty)
    }

    @Test("what belongs to one connection counts by its bytes and is not sent again")
    mutating func obsolete() {
        messages.note(text("a"), count: 98)
        messages.note(.obsolete, count: 98)
        messages.note(text("b"), count: 98)
        messages.noteArrivals(unacknowledged: 300)
        #expect(left().messages == [text("a"), text("b")])
    }

    @Test("after an interruption sound is not sent again, and texts around it still are")
    mutating func interruption() {
        let sound = ClientMessage.sound([UInt8](repeating: 1, count: 98))
        for message in [text("a"), sound, text("b"), sound, sound] { messages.note(message, count: 98) }
        // The last two were still in the queue.
        messages.discardSound(queued: 200)
        messages.noteArrivals(unacknowledged: 300)
        #expect(left().messages == [text("a"), text("b")])
    }

    @Test("what is too much is dropped and counted, unless it turns out to have arrived")
    mutating func bound() {
        let sound = ClientMessage.sound([UInt8](repeating: 1, count: 998))
        for _ in 0..<20 {
            messages.note(sound, count: 996, duration: .milliseconds(20))
            if messages.isDue { messages.noteArrivals(unacknowledged: 100_000) }
        }
        let (kept, stand) = left()
        #expect(kept.count == 10 && stand.droppedAudioMessages == 10)
        #expect(stand.resumption.droppedMilliseconds == 200)
        for _ in 0..<11 { messages.note(sound, count: 996, duration: .milliseconds(20)) }
        messages.noteArrivals(unacknowledged: 0)
        #expect(left().stand.droppedAudioMessages == 0)
    }
}
