/// What the participants of a room share that is encrypted end to end: words, or random bytes.
package enum EncryptionSecret: Hashable, Sendable {
    /// Keys are derived by PBKDF2, which makes guessing slow.
    case passphrase([UInt8])
    /// Keys are derived by HKDF. Nobody guesses random bytes.
    case random([UInt8])

    /// What stands before random bytes in base64.
    private static let randomPrefix = "hkdf:"
    /// Bytes of a passphrase, at most.
    package static let maximumPassphraseBytes = 1024
    /// How many random bytes there may be.
    package static let randomBytes = 16...64
    /// Continues "it must be".
    package static let allowed =
        "a passphrase of 1 to \(maximumPassphraseBytes) bytes, or \(randomPrefix) and "
        + "\(randomBytes.lowerBound) to \(randomBytes.upperBound) random bytes in base64"

    /// Reads a passphrase, or `hkdf:` and base64.
    package init?(_ text: String) {
        if text.hasPrefix(Self.randomPrefix) {
            guard let bytes = Base64.decode(text.dropFirst(Self.randomPrefix.count)),
                Self.randomBytes.contains(bytes.count)
            else { return nil }
            self = .random(bytes)
        } else {
            guard (1...Self.maximumPassphraseBytes).contains(text.utf8.count) else { return nil }
            self = .passphrase(Array(text.utf8))
        }
    }
}
