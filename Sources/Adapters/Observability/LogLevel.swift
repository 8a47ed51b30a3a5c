/// How much a line matters, and to whom.
///
/// - `error`: the gateway failed somebody through its own fault or its operator's; a person should look. Not: what a
///   client or a room did wrong.
/// - `warning`: something is not as it should be, and calls go on: a retry, a limit that was reached, a room that could
///   not be joined.
/// - `info`: the life of the process and of each call in a few lines (started, joined, ended and why). What an operator
///   wants to have switched on in production; never once per packet, frame or message.
/// - `debug`: what somebody needs who reads along with one call: states, negotiations, odd input. Still never once per
///   media packet.
///
/// No level may carry a secret or a token, nor what somebody said.
package enum LogLevel: String, Sendable, CaseIterable, Comparable {
    case debug
    case info
    case warning
    case error

    /// The place in `allCases`.
    var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}
