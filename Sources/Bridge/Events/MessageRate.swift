package import Wire

/// A token bucket over the messages of a client. Pure.
package struct MessageRate: Sendable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var last: Instant

    package init(limits: Limits, now: Instant) {
        perSecond = Double(limits.messagesPerSecond)
        burst = Double(limits.messageBurst)
        tokens = burst
        last = now
    }

    /// Whether one more message is within the rate.
    package mutating func take(now: Instant) -> Bool {
        tokens = min(burst, tokens + Double(now.nanoseconds(since: last)) / 1e9 * perSecond)
        last = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
