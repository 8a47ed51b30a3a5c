internal import Glibc

/// Writes one line for each event: when, how much it matters, what happened, and fields. See `LogFormat`.
///
/// Of an event that comes very often only so many lines are written, see `LogLimiter`; the next has a field `left_out` with
/// the number of those that are missing.
///
/// A value that is passed around: whoever works for one call gets a log with that call's fields in it (`with`). Event
/// names and keys are literals, so that only values can come from outside; those are written such that no value can end a
/// line, begin a field or move the cursor of a terminal.
package struct Log: Sendable {
    /// Fields of a line, in order. Values are written by `description`; numbers and truth values stay what they are where
    /// the format knows them.
    package typealias Fields = KeyValuePairs<StaticString, any CustomStringConvertible>

    /// Longer values are cut there, with an ellipsis.
    package static let maximumValueBytes = 1024

    /// One for this log and all that are made from it; nil for nowhere.
    private let output: LogOutput?
    private let context: String

    /// - Parameter clock: seconds and nanoseconds since 1970, UTC.
    package init(
        minimumLevel: LogLevel, format: LogFormat = .text, sink: any LogSink = DescriptorSink.standardError,
        clock: @escaping @Sendable () -> (seconds: Int, nanoseconds: Int) = UnixClock.now
    ) {
        self.init(output: LogOutput(minimumLevel, format: format, sink: sink, clock: clock), context: "")
    }

    private init(output: LogOutput?, context: String) {
        self.output = output
        self.context = context
    }

    /// Writes nothing.
    package static let silent = Log(output: nil, context: "")

    /// The same log, with these fields at the end of each line.
    package func with(_ fields: Fields) -> Log {
        guard let output else { return self }
        var context = context
        for (key, value) in fields { output.format.append(key.description, value, to: &context) }
        return Log(output: output, context: context)
    }

    /// From now on lines below this level are not written, in this log and in all that have the same origin.
    package func setMinimumLevel(_ level: LogLevel) { output?.minimumLevel = level }

    package func error(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        write(.error, event, fields)
    }

    package func warning(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        write(.warning, event, fields)
    }

    package func info(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        write(.info, event, fields)
    }

    package func debug(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        write(.debug, event, fields)
    }

    /// Lines that got lost because nobody read them in time, of all logs with the same origin.
    package var linesLost: Int { output?.linesLost ?? 0 }

    /// Whether lines of this level are written, for work that only serves them.
    package func isEnabled(_ level: LogLevel) -> Bool { output.map { level >= $0.minimumLevel } ?? false }

    /// Fields of lines below the minimum are not even computed.
    private func write(_ level: LogLevel, _ event: StaticString, _ fields: () -> Fields) {
        guard let output, level >= output.minimumLevel else { return }
        let now = output.clock()
        guard let leftOut = output.limiter.admit(event, level, seconds: now.seconds) else { return }
        let format = output.format
        let time = Self.timestamp(seconds: now.seconds, nanoseconds: now.nanoseconds)
        var line = format.beginning(time: time, level, event.description)
        for (key, value) in fields() { format.append(key.description, value, to: &line) }
        if leftOut > 0 { format.append("left_out", leftOut, to: &line) }
        line += context
        line += format.end
        output.write(line, time: time)
    }

    /// RFC 3339 in UTC, to the millisecond.
    package static func timestamp(seconds: Int, nanoseconds: Int) -> String {
        var time = time_t(seconds)
        // SAFETY: the structure is filled by the call before it is read.
        var parts = unsafe tm()
        // SAFETY: both structures are ours.
        unsafe gmtime_r(&time, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        // SAFETY: the structure is filled by the call before it is read.
        let date =
            unsafe "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock =
            unsafe "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(date)T\(clock).\(padded(nanoseconds / 1_000_000, 3))Z"
    }
}
