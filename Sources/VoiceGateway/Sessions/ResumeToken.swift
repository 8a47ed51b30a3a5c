internal import SecureTransport
internal import Wire

/// What lets a client continue its session on another connection: the number of the session's loop, a dot, and
/// random bytes in base64 for URLs.
enum ResumeToken {
    /// 192 bits, which nobody guesses.
    static let randomBytes = 24

    static func make(loop: Int) -> String {
        "\(loop).\(Base64.encode(SecureRandom.bytes(randomBytes), .urlSafeUnpadded))"
    }

    /// The loop that a token names; nil when it is none of ours.
    static func loop(of token: String) -> Int? {
        let digits = token.prefix { $0 != "." }
        guard (1...4).contains(digits.utf8.count), digits.utf8.count < token.utf8.count,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int(digits)
    }
}
