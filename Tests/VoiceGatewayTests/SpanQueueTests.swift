import Testing
import Wire

@testable import VoiceGateway

@Suite("Spans that wait for a collector")
struct SpanQueueTests {
    private var queue = SpanQueue()

    private func at(_ seconds: Int) -> Instant { .zero + .seconds(seconds) }

    private func span(_ name: String = "call") -> Span {
        var random = SystemRandomNumberGenerator()
        return Span(name, .inside, TraceContext(using: &random), parent: nil, start: 1, end: 2)
    }

    private mutating func outputs() -> [SpanQueue.Output] {
        var outputs: [SpanQueue.Output] = []
        while let output = queue.poll() { outputs.append(output) }
        return outputs
    }

    private mutating func sent() -> [Int] {
        outputs().compactMap { if case .send(let spans) = $0 { spans.count } else { nil } }
    }

    @Test("spans wait five seconds for others, and go together")
    mutating func batches() {
        queue.add(span(), now: at(0))
        queue.add(span(), now: at(3))
        #expect(outputs() == [] && queue.nextDeadline == at(5))
        queue.handleTimeout(now: at(5))
        #expect(sent() == [2])
        queue.add(span(), now: at(6))
        queue.answered(.taken, now: at(7))
        #expect(outputs() == [.exported(2)] && queue.nextDeadline == at(11))
        #expect(!queue.isEmpty)
    }

    @Test("a full batch goes at once, one at a time")
    mutating func full() {
        for _ in 0..<SpanQueue.batch + 3 { queue.add(span(), now: at(0)) }
        #expect(sent() == [SpanQueue.batch])
        queue.handleTimeout(now: at(5))
        #expect(sent() == [])
        queue.answered(.taken, now: at(6))
        #expect(sent() == [3])
    }

    @Test("a collector that is away is tried again, then the batch is dropped and counted, and the next one is sent")
    mutating func away() {
        queue.add(span(), now: at(0))
        queue.handleTimeout(now: at(5))
        #expect(sent() == [1])
        var now = 5
        for pause in [1, 2, 4, 8] {
            queue.answered(.failed, now: at(now))
            now += pause
            #expect(queue.nextDeadline == at(now))
            queue.handleTimeout(now: at(now))
            #expect(sent() == [1])
        }
        queue.add(span("next"), now: at(now))
        queue.answered(.failed, now: at(now))
        #expect(outputs() == [.dropped(1)])
        queue.handleTimeout(now: at(now + 5))
        #expect(sent() == [1])
        queue.answered(.taken, now: at(now + 5))
        #expect(outputs() == [.exported(1)] && queue.isEmpty)
    }

    @Test("what a collector will never take is dropped at once")
    mutating func refused() {
        queue.add(span(), now: at(0))
        queue.flush(now: at(0))
        #expect(sent() == [1])
        queue.answered(.refused, now: at(0))
        #expect(outputs() == [.dropped(1)] && queue.nextDeadline == nil)
    }

    @Test("beyond what may wait spans are dropped and counted")
    mutating func overflow() {
        for _ in 0..<SpanQueue.batch + SpanQueue.maximumWaiting { queue.add(span(), now: at(0)) }
        #expect(sent() == [SpanQueue.batch])
        queue.add(span(), now: at(0))
        #expect(outputs() == [.dropped(1)])
    }

    @Test("a request has identifiers in hexadecimal, times as strings, and attributes by their types")
    func json() throws {
        let parent = try #require(TraceContext(parsing: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        let context = try #require(TraceContext(parsing: "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01"))
        let span = Span(
            "call", .server, context, parent: parent, start: 1_790_000_000_000_000_001, end: 5,
            attributes: ["a": "x", "n": 7, "t": true, "never": nil], failure: "room_lost")
        let request = try JSONValue(parsing: Span.exportRequest([span], resource: ["service.name": "gateway"]))
        let resource = try #require(request["resourceSpans"]?[0])
        #expect(resource["resource"] == ["attributes": [["key": "service.name", "value": ["stringValue": "gateway"]]]])
        #expect(
            resource["scopeSpans"]?[0]?["spans"]?[0] == [
                "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "1111111111111111",
                "parentSpanId": "00f067aa0ba902b7", "name": "call", "kind": 2,
                "startTimeUnixNano": "1790000000000000001", "endTimeUnixNano": "1790000000000000001",
                "attributes": [
                    ["key": "a", "value": ["stringValue": "x"]], ["key": "n", "value": ["intValue": "7"]],
                    ["key": "t", "value": ["boolValue": true]],
                ], "status": ["code": 2, "message": "room_lost"],
            ])
    }
}
