import Testing
import Wire

@testable import VoiceGateway

@Suite("Webhooks that wait")
struct WebhookQueueTests {
    private var queue = WebhookQueue(receivers: 2)
    private var number: UInt64 = 0

    private func at(_ seconds: Int) -> Instant { .zero + .seconds(seconds) }

    private mutating func add(_ session: String, receiver: Int = 0, age: Duration? = nil, bytes: Int = 10)
        -> WebhookDelivery
    {
        number += 1
        let delivery = WebhookDelivery(
            number: number, receiver: receiver, session: session, createdAt: 0,
            body: Array(repeating: 0, count: bytes))
        queue.add(delivery, age: age, now: .zero)
        return delivery
    }

    private mutating func outputs() -> [WebhookQueue.Output] {
        var outputs: [WebhookQueue.Output] = []
        while let output = queue.poll() { outputs.append(output) }
        return outputs
    }

    private mutating func sent() -> [WebhookDelivery] {
        outputs().compactMap { if case .send(let delivery) = $0 { delivery } else { nil } }
    }

    @Test("an event is kept, sent, and forgotten when it is taken")
    mutating func once() {
        let event = add("a")
        #expect(outputs() == [.store(event), .send(event)])
        queue.answered(event, .taken, now: at(1))
        #expect(outputs() == [.taken(event)])
        #expect(queue.waiting == 0 && queue.nextDeadline == nil && !queue.isSending)
    }

    @Test("the events of one call go one after the other, those of others do not wait for them")
    mutating func order() {
        let (first, second, other) = (add("a"), add("a"), add("b"))
        #expect(sent() == [first, other])
        queue.answered(first, .taken, now: at(1))
        #expect(sent() == [second])
    }

    @Test("an event that is not taken holds up its own call until it is, with pauses that grow")
    mutating func retries() {
        let (first, second) = (add("a"), add("a"))
        #expect(sent() == [first])
        var now = 0
        for pause in [1, 2, 5, 10, 30, 60, 120, 300, 300] {
            queue.answered(first, .failed(retryAfter: nil), now: at(now))
            #expect(sent() == [] && queue.nextDeadline == at(now + pause))
            queue.handleTimeout(now: at(now + pause - 1))
            #expect(sent() == [])
            now += pause
            queue.handleTimeout(now: at(now))
            #expect(sent() == [first])
        }
        queue.answered(first, .taken, now: at(now))
        #expect(sent() == [second])
        queue.answered(second, .failed(retryAfter: nil), now: at(now))
        #expect(queue.nextDeadline == at(now + 1))
    }

    @Test("a receiver that asks for more time gets it")
    mutating func retryAfter() {
        let event = add("a")
        queue.answered(event, .failed(retryAfter: .seconds(20)), now: .zero)
        #expect(queue.nextDeadline == at(30))
        queue.handleTimeout(now: at(30))
        queue.answered(event, .failed(retryAfter: .seconds(60_000)), now: at(30))
        #expect(queue.nextDeadline == at(330))
    }

    @Test("an event is given up after a day, and the next one of its call is sent")
    mutating func expires() {
        let (old, young) = (add("a", age: .seconds(24 * 3600 - 2)), add("a"))
        queue.answered(old, .failed(retryAfter: nil), now: .zero)
        queue.handleTimeout(now: at(1))
        queue.answered(old, .failed(retryAfter: nil), now: at(1))
        #expect(outputs().suffix(2) == [.lost(old, .expired), .send(young)])
    }

    @Test("what an earlier process has kept is not kept again")
    mutating func restored() {
        let event = add("a", age: .seconds(60))
        #expect(outputs() == [.send(event)])
    }

    @Test("a receiver that wants nothing any more gets the next event all the same")
    mutating func gone() {
        let (first, second) = (add("a"), add("a"))
        _ = outputs()
        queue.answered(first, .gone, now: .zero)
        #expect(outputs() == [.lost(first, .gone), .send(second)])
    }

    @Test("a receiver gets eight requests at a time, and one that does not answer keeps no other waiting")
    mutating func inFlight() {
        let slow = (0..<10).map { add("\($0)") }
        let other = add("0", receiver: 1)
        #expect(sent() == slow.prefix(8) + [other])
        queue.answered(slow[3], .failed(retryAfter: nil), now: .zero)
        #expect(sent() == [slow[8]])
    }

    @Test("more than may wait is given up and told, and there is room again when something is taken")
    mutating func overflow() {
        let large = WebhookQueue.maximumWaitingBytes / 2
        let (first, _) = (add("a", bytes: large), add("b", bytes: large))
        _ = outputs()
        let third = add("c")
        #expect(outputs() == [.lost(third, .overflow)])
        queue.answered(first, .taken, now: .zero)
        _ = outputs()
        let fourth = add("d")
        #expect(outputs() == [.store(fourth), .send(fourth)])
    }

    @Test("an answer that comes twice counts once")
    mutating func twice() {
        let (first, second) = (add("a"), add("a"))
        queue.answered(first, .taken, now: .zero)
        queue.answered(first, .taken, now: .zero)
        #expect(sent() == [first, second] && queue.waiting == 1)
    }
}
