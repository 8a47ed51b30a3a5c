/// Nonces of AES-GCM that are never used twice with a key: eight random bytes for each sequence, and a count. All participants of
/// a room may have the same key, so the random bytes tell them apart (NIST SP 800-38D).
struct NonceSequence {
    private var prefix: UInt64
    private var count: UInt32 = 0
    private var random: any RandomNumberGenerator

    /// - Parameter random: cryptographically secure.
    init(random: any RandomNumberGenerator) {
        self.random = random
        prefix = self.random.next()
    }

    /// Appends the next nonce, 12 bytes.
    mutating func append(to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: prefix >> shift))
        }
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: count >> shift))
        }
        count &+= 1
        if count == 0 { prefix = random.next() }
    }
}
