package import Wire

/// Token buckets of all clients: one for each API key, and one for each address of clients without one. The table is
/// bounded; when it is full of clients that are all active, newcomers share one bucket.
package struct RateLimiter: Sendable {
    /// Whose bucket a request takes from.
    package enum Client: Hashable, Sendable {
        /// The number of a key: the key itself is not kept a second time.
        case key(Int)
        case address(IPAddress)
    }

    /// The answer to a request.
    package enum Verdict: Hashable, Sendable {
        case admitted
        /// Too early by this much, rounded up to whole seconds as `Retry-After` wants it.
        case limited(retryAfterSeconds: Int)
    }

    /// How often the table is searched for idle clients, at most.
    package static let sweepInterval = Duration.seconds(1)

    package let limit: RateLimit
    package let maximumClients: Int
    private var buckets: [Client: TokenBucket] = [:]
    private var shared: TokenBucket
    private var lastSweep: Instant?

    package init(limit: RateLimit, maximumClients: Int = 65_536, now: Instant) {
        self.limit = limit
        self.maximumClients = max(1, maximumClients)
        shared = TokenBucket(now: now)
    }

    /// Clients that have a bucket of their own.
    package var clientCount: Int { buckets.count }

    /// Counts a request.
    package mutating func admit(_ client: Client, now: Instant) -> Verdict {
        let client = Self.grouped(client)
        let wait: Duration?
        if buckets[client] != nil {
            wait = buckets[client]?.take(limit, now: now)
        } else if hasRoom(now: now) {
            var bucket = TokenBucket(now: now)
            wait = bucket.take(limit, now: now)
            buckets[client] = bucket
        } else {
            wait = shared.take(limit, now: now)
        }
        guard let wait else { return .admitted }
        return .limited(retryAfterSeconds: Int((wait.nanoseconds + 999_999_999) / 1_000_000_000))
    }

    private static func grouped(_ client: Client) -> Client {
        if case .address(let address) = client { .address(address.accountable) } else { client }
    }

    /// Makes room by forgetting clients whose bucket is full again: they lose nothing.
    private mutating func hasRoom(now: Instant) -> Bool {
        if buckets.count < maximumClients { return true }
        if let lastSweep, now - lastSweep < Self.sweepInterval { return false }
        lastSweep = now
        buckets = buckets.filter { !$0.value.isFull(now: now) }
        return buckets.count < maximumClients
    }
}

extension IPAddress {
    /// The address under which somebody is counted: who has an IPv6 address usually has 2⁶⁴ of them, and IPv4 is the
    /// same however it arrived.
    package var accountable: IPAddress {
        if case .v6(let high, _) = unmapped { .v6(high, 0) } else { unmapped }
    }
}
