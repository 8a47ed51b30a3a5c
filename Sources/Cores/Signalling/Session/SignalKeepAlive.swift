package import Wire

/// The pings of a signalling connection (docs/livekit-protocol.md#pings): one at the start and one every interval. Any
/// message of the server is a sign of life; without one for the timeout the connection counts as lost.
package struct SignalKeepAlive: Sendable {
    /// What is due.
    package enum Output: Hashable, Sendable {
        case sendPing(SignalPing)
        case connectionLost
    }

    private let interval: Duration
    private let timeout: Duration
    private var nextPing: Instant?
    private var lastSign: Instant
    /// The last measured round trip in milliseconds, 0 before the first.
    package private(set) var roundTrip: Int64 = 0

    /// `interval` and `timeout` in seconds, from the join response; not positive means that there are none.
    package init(interval: Int32, timeout: Int32, now: Instant) {
        self.interval = .seconds(Int64(max(interval, 0)))
        self.timeout = .seconds(Int64(max(timeout, 0)))
        lastSign = now
        nextPing = interval > 0 && timeout > 0 ? now : nil
    }

    /// Any message arrived.
    package mutating func received(now: Instant) { lastSign = now }

    /// The answer to a ping arrived; `unixTime` in milliseconds.
    package mutating func received(_ pong: SignalPong, unixTime: Int64) {
        let (difference, overflow) = unixTime.subtractingReportingOverflow(pong.lastPingTimestamp)
        if !overflow, (0...60_000).contains(difference) { roundTrip = difference }
    }

    package var nextDeadline: Instant? { nextPing.map { min($0, lastSign + timeout) } }

    /// What is due at `now`; `unixTime` in milliseconds goes into the ping.
    package mutating func poll(now: Instant, unixTime: Int64) -> Output? {
        guard let due = nextPing else { return nil }
        if now >= lastSign + timeout {
            nextPing = nil
            return .connectionLost
        }
        guard now >= due else { return nil }
        nextPing = now + interval
        return .sendPing(
            .with {
                $0.timestamp = unixTime
                $0.rtt = roundTrip
            })
    }
}
