/// The 96 bits that tie a STUN response to its request (RFC 8489, section 5). They must be unguessable, because
/// they are the only thing that an off-path attacker lacks.
package struct STUNTransactionID: Hashable, Sendable {
    /// The first 32 bits in network order.
    package let high: UInt32
    /// The remaining 64 bits.
    package let low: UInt64

    package init(high: UInt32, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A fresh id; `random` should be cryptographically secure outside tests.
    package init(using random: inout some RandomNumberGenerator) {
        high = UInt32(truncatingIfNeeded: random.next())
        low = random.next()
    }
}
