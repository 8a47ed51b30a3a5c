package import Wire

/// Datagrams between transport addresses in virtual time, with seeded loss, delay, jitter (and so reordering),
/// duplication, and address translation.
///
/// The owner passes in what its agents send, moves time to `nextDeadline`, and takes what arrives.
package struct VirtualNetwork {
    /// How the network treats each datagram.
    package struct Conditions: Sendable {
        /// The share of datagrams that vanish, 0 to 1.
        package var loss: Double
        /// One way.
        package var delay: Duration
        /// Up to so much more, evenly distributed; more than the distance of two datagrams reorders them.
        package var jitter: Duration
        /// The share of datagrams that arrive twice, 0 to 1.
        package var duplication: Double

        package init(
            loss: Double = 0, delay: Duration = .milliseconds(10), jitter: Duration = .zero, duplication: Double = 0
        ) {
            self.loss = loss
            self.delay = delay
            self.jitter = jitter
            self.duplication = duplication
        }
    }

    /// A datagram that has arrived.
    package struct Delivery: Sendable {
        package let bytes: [UInt8]
        /// Where it seems to come from.
        package let source: TransportAddress
        /// The socket that it arrives at.
        package let destination: TransportAddress
        package let arrival: Instant
    }

    package var conditions: Conditions
    /// Datagrams that were sent.
    package private(set) var sent = 0
    /// Datagrams that were lost by chance, by blocking or by translation.
    package private(set) var lost = 0
    private var random: SplitMix64
    private var inFlight: [Delivery] = []
    private var blocked: Set<TransportAddress> = []
    private var outsideOfInside: [TransportAddress: TransportAddress] = [:]
    private var insideOfOutside: [TransportAddress: TransportAddress] = [:]

    package init(seed: UInt64, conditions: Conditions = Conditions()) {
        random = SplitMix64(seed: seed)
        self.conditions = conditions
    }

    /// From now on `inside` is behind a translator: others see it as `outside`, and reach it only there. Calling
    /// again with another `outside` is what happens when a translator forgets its binding.
    package mutating func translate(inside: TransportAddress, outside: TransportAddress) {
        if let old = outsideOfInside[inside] { insideOfOutside[old] = nil }
        outsideOfInside[inside] = outside
        insideOfOutside[outside] = inside
    }

    /// Nothing comes from or reaches a blocked address.
    package mutating func block(_ address: TransportAddress) { blocked.insert(address) }
    package mutating func unblock(_ address: TransportAddress) { blocked.remove(address) }

    package mutating func send(
        _ bytes: [UInt8], from source: TransportAddress, to destination: TransportAddress, now: Instant
    ) {
        sent += 1
        let seenSource = outsideOfInside[source] ?? source
        let isUnreachable = outsideOfInside[destination] != nil
        let reached = insideOfOutside[destination] ?? destination
        // Chance is drawn for every datagram, so that blocking one address does not change the fate of others.
        let isLost = random.nextFraction() < conditions.loss
        let copies = random.nextFraction() < conditions.duplication ? 2 : 1
        for _ in 0..<copies {
            let extra = Double(conditions.jitter.nanoseconds) * random.nextFraction()
            let arrival = now + conditions.delay + .nanoseconds(Int64(extra))
            guard !isLost, !isUnreachable, !blocked.contains(source), !blocked.contains(reached) else { continue }
            let place = inFlight.firstIndex { $0.arrival > arrival } ?? inFlight.endIndex
            inFlight.insert(
                Delivery(bytes: bytes, source: seenSource, destination: reached, arrival: arrival), at: place)
        }
        if isLost || isUnreachable || blocked.contains(source) || blocked.contains(reached) { lost += 1 }
    }

    /// The next datagram that has arrived by `now`, in the order of arrival; nil when there is none.
    package mutating func receive(now: Instant) -> Delivery? {
        guard let first = inFlight.first, first.arrival <= now else { return nil }
        return inFlight.removeFirst()
    }

    /// When the next datagram arrives.
    package var nextDeadline: Instant? { inFlight.first?.arrival }
}
