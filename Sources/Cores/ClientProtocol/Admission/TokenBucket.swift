package import Wire

/// How fast one client may come.
package struct RateLimit: Hashable, Sendable {
    /// Requests that may come at once: what a full bucket holds.
    package let capacity: Int
    /// The time in which an empty bucket is full again.
    package let window: Duration
    /// Nanoseconds in which one token comes back.
    fileprivate let interval: Int64

    /// At least one request, in at least a millisecond.
    package init(capacity: Int, window: Duration) {
        self.capacity = min(max(1, capacity), 1_000_000)
        self.window = min(max(.milliseconds(1), window), .seconds(86_400))
        interval = max(1, self.window.nanoseconds / Int64(self.capacity))
    }

    /// The settings as operators write them: `requests` × `burstMultiplier`, refilled over `seconds`.
    package init(requests: Int, seconds: Int, burstMultiplier: Double) {
        let product = Double(requests) * (burstMultiplier.isFinite ? burstMultiplier : 1)
        self.init(capacity: Int(min(max(1, product.rounded(.down)), 1_000_000)), window: .seconds(seconds))
    }

    /// 120 requests, refilled over 60 s.
    package static let standard = RateLimit(requests: 120, seconds: 60, burstMultiplier: 1)
}

/// A token bucket as the single time at which it will be full again, so that nothing has to be refilled.
package struct TokenBucket: Hashable, Sendable {
    /// When all tokens are back.
    private var fullAt: Instant

    /// A full bucket.
    package init(now: Instant) { fullAt = now }

    /// Takes a token; nil when there was one, otherwise the time after which there will be.
    package mutating func take(_ limit: RateLimit, now: Instant) -> Duration? {
        let base = max(fullAt, now)
        let excess = base.nanoseconds(since: now) + limit.interval - limit.interval * Int64(limit.capacity)
        guard excess <= 0 else { return .nanoseconds(excess) }
        fullAt = base.advanced(byNanoseconds: limit.interval)
        return nil
    }

    /// Whether all tokens are back.
    package func isFull(now: Instant) -> Bool { fullAt <= now }
}
