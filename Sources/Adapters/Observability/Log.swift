internal import Glibc

/// Writes one line for each event, in logfmt: `time=… level=info event="room joined" room=lobby participants=3`.
///
/// Of an event that comes very often only so many lines are written, see `LogLimiter`; the next has a field `left_out` with
/// the number of those that are missing.
///
/// A value that is passed around: whoever works for one call gets a log with that call's fields in it (`with`). Event
/// names and keys are literals, so that only values can come from outside; those are quoted and escaped such that no
/// value can end a line, begin a field or move the cursor of a terminal.
package struct Log: Sendable {
    /// Fields of a line, in order. Values are written by `description`.
    package typealias Fields = KeyValuePairs<StaticString, any CustomStringConvertible>

    /// Longer values are cut there, with an ellipsis.
    package static let maximumValueBytes = 1024

    /// Lines below it are not written, and their fields not even computed.
    package let minimumLevel: LogLevel
    private let sink: (any LogSink)?
    private let context: String
    /// One for this log and all that are made from it.
    private let limiter: LogLimiter
    private let clock: @Sendable () -> (seconds: Int, nanoseconds: Int)

    /// - Parameter clock: seconds and nanoseconds since 1970, UTC.
    package init(
        minimumLevel: LogLevel, sink: any LogSink = DescriptorSink.standardError,
        clock: @escaping @Sendable () -> (seconds: Int, nanoseconds: Int) = UnixClock.now
    ) {
        self.init(minimumLevel: minimumLevel, sink: sink, context: "", limiter: LogLimiter(), clock: clock)
    }

    private init(
        minimumLevel: LogLevel, sink: (any LogSink)?, context: String, limiter: LogLimiter,
        clock: @escaping @Sendable () -> (seconds: Int, nanoseconds: Int)
    ) {
        self.limiter = limiter
        self.minimumLevel = minimumLevel
        self.sink = sink
        self.context = context
        self.clock = clock
    }

    /// Writes nothing.
    package static let silent = Log(
        minimumLevel: .error, sink: nil, context: "", limiter: LogLimiter(), clock: UnixClock.now)

    /// The same log, with these fields at the end of each line.
    package func with(_ fields: Fields) -> Log {
        var context = context
        for (key, value) in fields { Self.append(key.description, value.description, to: &context) }
        return Log(minimumLevel: minimumLevel, sink: sink, context: context, limiter: limiter, clock: clock)
    }

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

    /// Whether lines of this level are written, for work that only serves them.
    package func isEnabled(_ level: LogLevel) -> Bool { sink != nil && level >= minimumLevel }

    private func write(_ level: LogLevel, _ event: StaticString, _ fields: () -> Fields) {
        guard let sink, level >= minimumLevel else { return }
        let now = clock()
        guard let leftOut = limiter.admit(event, level, seconds: now.seconds) else { return }
        var line = "time=" + Self.timestamp(seconds: now.seconds, nanoseconds: now.nanoseconds)
        line += " level=" + level.rawValue
        Self.append("event", event.description, to: &line)
        for (key, value) in fields() { Self.append(key.description, value.description, to: &line) }
        if leftOut > 0 { Self.append("left_out", "\(leftOut)", to: &line) }
        line += context
        line += "\n"
        sink.write(line)
    }

    // MARK: Text

    private static func append(_ key: String, _ value: String, to line: inout String) {
        line += " "
        line += key
        line += "="
        line += quoted(value)
    }

    /// The value as it stands when nothing in it needs quotes; otherwise in quotes, with quotes, backslashes and
    /// everything invisible escaped.
    static func quoted(_ value: String) -> String {
        var isPlain = !value.isEmpty
        var out = ""
        for (count, scalar) in zip(0..., value.unicodeScalars) {
            if count >= maximumValueBytes || out.utf8.count >= maximumValueBytes {
                out += "…"
                break
            }
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            default:
                if isInvisible(scalar) {
                    out += "\\u{" + String(scalar.value, radix: 16) + "}"
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
            isPlain = isPlain && isBare(scalar)
        }
        return isPlain ? out : "\"" + out + "\""
    }

    /// Whether the scalar can stand in a value without quotes.
    private static func isBare(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value > 0x20 && scalar != "\"" && scalar != "=" && scalar != "\\" && scalar != "'"
            && !isInvisible(scalar)
    }

    /// Control characters, line and paragraph separators, and the marks that turn the direction of text around.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }

    /// RFC 3339 in UTC, to the millisecond.
    package static func timestamp(seconds: Int, nanoseconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        // SAFETY: both structures are ours.
        gmtime_r(&time, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date =
            "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(date)T\(clock).\(padded(nanoseconds / 1_000_000, 3))Z"
    }
}
