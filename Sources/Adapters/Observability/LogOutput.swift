internal import Synchronization

/// Where the lines of a process go and which are written. May be shared by threads.
final class LogOutput: Sendable {
    let format: LogFormat
    let sink: any LogSink
    let limiter = LogLimiter()
    /// Seconds and nanoseconds since 1970, UTC.
    let clock: @Sendable () -> (seconds: Int, nanoseconds: Int)
    private let level: Atomic<Int>
    /// Lines that nobody took, and that no line has told of.
    private let untold = Atomic(0)
    /// All lines that nobody took.
    private let lost = Atomic(0)

    init(
        _ minimumLevel: LogLevel, format: LogFormat, sink: any LogSink,
        clock: @escaping @Sendable () -> (seconds: Int, nanoseconds: Int)
    ) {
        level = Atomic(minimumLevel.rank)
        self.format = format
        self.sink = sink
        self.clock = clock
    }

    var linesLost: Int { lost.load(ordering: .relaxed) }

    /// Writes a line, and before it, when lines have got lost, how many.
    ///
    /// - Parameter time: as the line has it.
    func write(_ line: String, time: String) {
        let count = untold.exchange(0, ordering: .relaxed)
        if count > 0 {
            var note = format.beginning(time: time, .warning, "log lines lost, nobody read them in time")
            format.append("count", count, to: &note)
            guard sink.write(note + format.end) else {
                untold.add(count + 1, ordering: .relaxed)
                lost.add(1, ordering: .relaxed)
                return
            }
        }
        guard !sink.write(line) else { return }
        untold.add(1, ordering: .relaxed)
        lost.add(1, ordering: .relaxed)
    }

    /// Lines below it are not written.
    var minimumLevel: LogLevel {
        get { LogLevel.allCases[level.load(ordering: .relaxed)] }
        set { level.store(newValue.rank, ordering: .relaxed) }
    }
}
