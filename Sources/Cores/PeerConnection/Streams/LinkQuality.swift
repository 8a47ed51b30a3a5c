/// How well sound gets through, as receivers count it (RFC 3550 section 6.4.1).
package struct LinkQuality: Hashable, Sendable {
    /// One direction, over all streams.
    package struct Way: Hashable, Sendable {
        /// Packets lost since the streams began.
        package var lostPackets: Int
        /// Interarrival jitter, of the stream that has most.
        package var jitter: Duration

        package init(lostPackets: Int = 0, jitter: Duration = .zero) {
            self.lostPackets = lostPackets
            self.jitter = jitter
        }
    }

    /// What the peer says of what we send.
    package var sent: Way
    /// What we find in what it sends.
    package var received: Way

    package init(sent: Way = Way(), received: Way = Way()) {
        self.sent = sent
        self.received = received
    }
}
