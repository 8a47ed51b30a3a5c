import Observability
import Testing

@testable import VoiceGateway

/// Keeps lines. Tests write from one task at a time.
// SAFETY: used by one task at a time.
private final class MemorySink: LogSink, @unchecked Sendable {
    private(set) var lines: [String] = []
    func write(_ line: String) -> Bool {
        lines.append(line)
        return true
    }
}

@Suite("Messages that clients cannot be told")
struct UnsupportedMessagesTests {
    @Test("each is counted, and each kind is logged once a session with its topic and sender")
    func counting() {
        let metrics = Metrics()
        let sink = MemorySink()
        let counters = UnsupportedMessageCounters(metrics)
        for _ in 0..<2 {
            var session = UnsupportedMessages(counters, log: Log(minimumLevel: .info, sink: sink))
            session.note(.chat, "lk.chat", from: "agent-1")
            session.note(.chat, "lk.chat", from: "agent-1")
            session.note(.byteStream, "photos", from: "ann")
        }
        #expect(metrics.snapshot().contains("voicegateway_unsupported_messages_total{kind=\"chat\"} 4\n"))
        #expect(metrics.snapshot().contains("voicegateway_unsupported_messages_total{kind=\"byte_stream\"} 2\n"))
        #expect(sink.lines.count == 4)
        #expect(sink.lines[0].contains("kind=chat name=lk.chat sender=agent-1"))
    }
}
