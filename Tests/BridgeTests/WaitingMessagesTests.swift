import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("Messages that wait")
struct WaitingMessagesTests {
    private func data(_ sender: String, _ payload: String) -> ApplicationData {
        ApplicationData(topic: "t", sender: sender, payload: Array(payload.utf8))
    }

    @Test("what the client has sent waits in its order, and goes once")
    func undelivered() {
        var messages = UndeliveredMessages()
        #expect(messages.keep(.text("a")) && messages.keep(.text("b")))
        #expect(messages.takeAll() == [.text("a"), .text("b")])
        #expect(messages.takeAll().isEmpty)
        for _ in 0..<64 { #expect(messages.keep(.text("c")) == true) }
        #expect(messages.keep(.text("d")) == false)
    }

    @Test("data waits for the introduction of its sender, each sender's in its order")
    func introduction() {
        var waiting = UnintroducedData(grace: .milliseconds(500))
        for (sender, payload) in [("a", "1"), ("b", "2"), ("a", "3")] {
            #expect(waiting.keep(data(sender, payload), now: .zero) == true)
        }
        #expect(waiting.take(now: .zero) { _ in false }.isEmpty)
        #expect(waiting.take(now: .zero) { $0 == "a" } == [data("a", "1"), data("a", "3")])
        #expect(waiting.nextDeadline == .zero + .milliseconds(500))
        #expect(waiting.take(now: .zero + .milliseconds(499)) { _ in false }.isEmpty)
        #expect(waiting.take(now: .zero + .milliseconds(500)) { _ in false } == [data("b", "2")])
        #expect(waiting.nextDeadline == nil)
    }

    @Test("beyond 64 packets nothing more is kept")
    func bound() {
        var waiting = UnintroducedData(grace: .seconds(1))
        for _ in 0..<64 { #expect(waiting.keep(data("a", ""), now: .zero) == true) }
        #expect(waiting.keep(data("a", ""), now: .zero) == false)
    }
}
