/// Keyed hashes that cores need but do not implement: STUN's message integrity (HMAC-SHA1, 20 bytes), access
/// tokens (HMAC-SHA256, 32 bytes). The adapter that owns the crypto library fills them in.
package struct MessageAuthentication: Sendable {
    package let hmacSHA1: @Sendable (_ key: [UInt8], _ message: [UInt8]) -> [UInt8]
    package let hmacSHA256: @Sendable (_ key: [UInt8], _ message: [UInt8]) -> [UInt8]

    package init(
        hmacSHA1: @escaping @Sendable (_ key: [UInt8], _ message: [UInt8]) -> [UInt8],
        hmacSHA256: @escaping @Sendable (_ key: [UInt8], _ message: [UInt8]) -> [UInt8]
    ) {
        self.hmacSHA1 = hmacSHA1
        self.hmacSHA256 = hmacSHA256
    }

    /// Compares in a time that depends on the lengths alone, so that a forger learns nothing from the clock.
    package static func isEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
