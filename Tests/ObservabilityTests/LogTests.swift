import Observability
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Keeps lines. Tests write from one task at a time.
// SAFETY: the lines are read and written under a lock.
private final class MemorySink: LogSink, @unchecked Sendable {
    private(set) var lines: [String] = []
    /// Nobody reads.
    var isFull = false

    func write(_ line: String) -> Bool {
        if !isFull { lines.append(line) }
        return !isFull
    }
}

@Suite("Log")
struct LogTests {
    private let sink = MemorySink()
    private func log(_ level: LogLevel = .debug) -> Log {
        Log(minimumLevel: level, sink: sink) { (1_700_000_000, 7_000_000) }
    }

    @Test("a line says when, how much it matters, what happened and with what")
    func line() {
        log().info("room joined", ["room": "lobby", "participants": 3, "muted": false])
        #expect(
            sink.lines == [
                "time=2023-11-14T22:13:20.007Z level=info event=\"room joined\" room=lobby participants=3 muted=false\n"
            ])
    }

    @Test("in JSON a line is one object; numbers and truth values stay what they are")
    func json() {
        let log = Log(minimumLevel: .info, format: .json, sink: sink) { (1_700_000_000, 7_000_000) }
        log.with(["session": "S_1"]).info("room joined", ["room": "lobby", "participants": 3, "muted": false])
        #expect(
            sink.lines == [
                #"{"time":"2023-11-14T22:13:20.007Z","level":"info","event":"room joined","room":"lobby","participants":3,"muted":false,"session":"S_1"}"#
                    + "\n"
            ])
    }

    @Test("no value ends a JSON string or a line, or turns the direction of text around")
    func hostileJSON() {
        let log = Log(minimumLevel: .info, format: .json, sink: sink) { (1_700_000_000, 7_000_000) }
        log.info("x", ["value": "a\"b\\c\nd\u{0}\u{202E}\u{F0000}é"])
        #expect(sink.lines[0].hasSuffix(#""value":"a\"b\\c\nd\u0000\u202e\udb80\udc00é"}"# + "\n"))
        #expect(sink.lines[0].filter { $0.isNewline }.count == 1)
    }

    @Test("the level can change while the log is in use, for all that were made from it")
    func changedLevel() {
        let log = log(.warning)
        let ofACall = log.with(["call": "a"])
        log.setMinimumLevel(.debug)
        ofACall.debug("d")
        log.setMinimumLevel(.error)
        ofACall.warning("w")
        #expect(sink.lines.count == 1 && log.isEnabled(.error) && !ofACall.isEnabled(.warning))
    }

    @Test("lines below the minimum are not written, and their fields not computed")
    func levels() {
        let log = log(.warning)
        var computed = 0
        func value() -> Int {
            computed += 1
            return computed
        }
        log.debug("d", ["n": value()])
        log.info("i", ["n": value()])
        log.warning("w", ["n": value()])
        log.error("e", ["n": value()])
        #expect(computed == 2)
        #expect(sink.lines.map { $0.contains("level=warning") } == [true, false])
        #expect(!log.isEnabled(.info))
        #expect(!Log.silent.isEnabled(.error))
    }

    @Test("of what comes without end only so much is written, and the next line says how much is missing")
    func limited() {
        // SAFETY: only one thread uses it at a time.
        final class Clock: @unchecked Sendable { var seconds = 0 }
        let clock = Clock()
        let log = Log(minimumLevel: .debug, sink: sink) { (clock.seconds, 0) }
        func flood(_ log: Log) { log.warning("bad packet") }
        for _ in 0..<5000 { flood(log.with(["call": "a"])) }
        #expect(sink.lines.count == 100)
        // Other events, and other levels, go on.
        log.warning("another")
        #expect(sink.lines.count == 101)
        clock.seconds = 1
        for _ in 0..<5000 { flood(log) }
        #expect(sink.lines.count == 103)
        #expect(sink.lines[101].contains("event=\"bad packet\" left_out=4900"))
        #expect(!sink.lines[102].contains("left_out"))
        clock.seconds = 3600
        for _ in 0..<5000 { flood(log) }
        #expect(sink.lines.count == 203)
    }

    @Test("fields of a call stand in each of its lines")
    func context() {
        let call = log().with(["call": "c 1"]).with(["room": "r"])
        call.info("ended", ["reason": "left"])
        #expect(sink.lines.first?.hasSuffix("event=ended reason=left call=\"c 1\" room=r\n") == true)
    }

    @Test(
        "a hostile value cannot end the line, forge a field or move the cursor",
        arguments: [
            ("a\nlevel=error", "\"a\\nlevel=error\""), ("\"", "\"\\\"\""), ("\\", "\"\\\\\""), ("", "\"\""),
            ("a=b", "\"a=b\""), ("a b", "\"a b\""), ("\r\t\0", "\"\\r\\t\\u{0}\""), ("\u{1B}[2J", "\"\\u{1b}[2J\""),
            ("\u{2028}", "\"\\u{2028}\""), ("\u{202E}x", "\"\\u{202e}x\""), ("\u{85}", "\"\\u{85}\""),
            ("grüß", "grüß"), ("ws://h:1/p?q", "ws://h:1/p?q"), ("\u{7F}", "\"\\u{7f}\""),
        ])
    func hostile(value: String, written: String) {
        log().info("x", ["v": value])
        #expect(sink.lines.first?.hasSuffix(" v=\(written)\n") == true)
        #expect(sink.lines.first?.split(separator: "\n").count == 1)
    }

    @Test("a long value is cut")
    func cut() {
        log().info("x", ["v": String(repeating: "a", count: 100_000)])
        #expect((sink.lines.first?.utf8.count ?? .max) < Log.maximumValueBytes + 200)
        log().info("x", ["v": String(repeating: "\u{0}", count: 100_000)])
        #expect((sink.lines.last?.utf8.count ?? .max) < Log.maximumValueBytes + 200)
    }

    @Test("a line reaches a descriptor whole")
    func descriptor() {
        var ends: [Int32] = [0, 0]
        // SAFETY: the memory is used during the call only.
        unsafe #expect(pipe(&ends) == 0)
        Log(minimumLevel: .info, sink: DescriptorSink(descriptor: ends[1])) { (0, 0) }.info("x")
        close(ends[1])
        var buffer = [UInt8](repeating: 0, count: 200)
        let count = unsafe read(ends[0], &buffer, 200)
        close(ends[0])
        let text = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
        #expect(text == "time=1970-01-01T00:00:00.000Z level=info event=x\n")
    }
}

@Suite("Metrics")
struct MetricsTests {
    @Test("a snapshot names all metrics, ordered, each with its value")
    func snapshot() {
        let metrics = Metrics()
        metrics.counter("calls_total", help: "Calls.", labels: ["reason": "le\"ft\n"]).add(2)
        metrics.counter("calls_total", help: "Calls.", labels: ["reason": "lost"]).add()
        let open = metrics.gauge("calls_open", help: "Open calls.")
        open.add(3)
        open.add(-1)
        #expect(
            metrics.snapshot() == """
                # HELP calls_open Open calls.
                # TYPE calls_open gauge
                calls_open 2
                # HELP calls_total Calls.
                # TYPE calls_total counter
                calls_total{reason="le\\"ft\\n"} 2
                calls_total{reason="lost"} 1

                """)
    }

    @Test("a histogram tells how many were not longer than each step, how many there are, and their sum")
    func histogram() {
        let metrics = Metrics()
        let delays = metrics.histogram("delay_seconds", help: "Delays.", labels: ["direction": "up"])
        for microseconds in [-5, 50, 51, 300, 2_000, 60_000_000] as [Int64] {
            delays.add(nanoseconds: microseconds * 1000)
        }
        let lines = metrics.snapshot().split(separator: "\n").map(String.init)
        #expect(lines[1] == "# TYPE delay_seconds histogram")
        #expect(lines.contains(#"delay_seconds_bucket{direction="up",le="5e-05"} 2"#))
        #expect(lines.contains(#"delay_seconds_bucket{direction="up",le="0.0001"} 3"#))
        #expect(lines.contains(#"delay_seconds_bucket{direction="up",le="0.002"} 5"#))
        #expect(lines.contains(#"delay_seconds_bucket{direction="up",le="10.0"} 5"#))
        #expect(
            lines.suffix(3) == [
                #"delay_seconds_bucket{direction="up",le="+Inf"} 6"#, #"delay_seconds_sum{direction="up"} 60.002401"#,
                #"delay_seconds_count{direction="up"} 6"#,
            ])
    }

    @Test("counting from many tasks at once loses nothing")
    func concurrent() async {
        let metrics = Metrics()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 { metrics.counter("c_total", help: "C.").add() }
                }
            }
        }
        #expect(metrics.counter("c_total", help: "C.").current == 8000)
    }
}

@Suite("A log that nobody reads")
struct LostLinesTests {
    private let sink = MemorySink()

    @Test("lines that nobody reads get lost, and the next that is read is preceded by their number")
    func lost() {
        let log = Log(minimumLevel: .debug, sink: sink) { (0, 0) }
        log.info("a")
        sink.isFull = true
        for _ in 1...3 { log.info("b") }
        #expect(log.linesLost == 3)
        sink.isFull = false
        log.with(["x": 1]).info("c")
        log.info("d")
        #expect(sink.lines.count == 4 && log.linesLost == 3)
        #expect(sink.lines[1].contains("log lines lost, nobody read them in time") && sink.lines[1].contains("count=3"))
        #expect(sink.lines[2].contains("event=c") && sink.lines[3].contains("event=d"))
    }

    @Test("a pipe that nobody reads never blocks; when it is read again, whole lines come")
    func fullPipe() throws {
        var ends: [Int32] = [0, 0]
        // SAFETY: the array has room for both.
        try #require(unsafe pipe(&ends) == 0)
        let log = Log(minimumLevel: .info, sink: DescriptorSink(descriptor: ends[1])) { (0, 0) }
        let text = String(repeating: "x", count: 900)
        var written = 0
        while log.linesLost == 0, written < 100 {
            log.error("full", ["text": text])
            written += 1
        }
        #expect(log.linesLost > 0)
        var chunk = [UInt8](repeating: 0, count: 1 << 17)
        // SAFETY: the count is that of the buffer.
        _ = unsafe read(ends[0], &chunk, chunk.count)
        log.warning("after")
        // SAFETY: the count is that of the buffer.
        let count = unsafe read(ends[0], &chunk, chunk.count)
        let lines = String(decoding: chunk[..<max(0, count)], as: UTF8.self).split(separator: "\n")
        #expect(lines.last?.contains("event=after") == true)
        #expect(lines.dropLast().last?.contains("log lines lost") == true)
        close(ends[0])
        close(ends[1])
    }
}
