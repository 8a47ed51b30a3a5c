internal import Synchronization

/// Where the lines of a process go and which are written. May be shared by threads.
final class LogOutput: Sendable {
    let format: LogFormat
    let sink: any LogSink
    let limiter = LogLimiter()
    /// Seconds and nanoseconds since 1970, UTC.
    let clock: @Sendable () -> (seconds: Int, nanoseconds: Int)
    private let level: Atomic<Int>

    init(
        _ minimumLevel: LogLevel, format: LogFormat, sink: any LogSink,
        clock: @escaping @Sendable () -> (seconds: Int, nanoseconds: Int)
    ) {
        level = Atomic(minimumLevel.rank)
        self.format = format
        self.sink = sink
        self.clock = clock
    }

    /// Lines below it are not written.
    var minimumLevel: LogLevel {
        get { LogLevel.allCases[level.load(ordering: .relaxed)] }
        set { level.store(newValue.rank, ordering: .relaxed) }
    }
}
