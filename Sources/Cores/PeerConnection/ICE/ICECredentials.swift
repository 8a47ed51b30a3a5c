/// A username fragment and a password, the short-term credentials of one ICE generation (RFC 8445, section 5.3).
package struct ICECredentials: Hashable, Sendable {
    /// `a=ice-ufrag`, 4 to 256 characters.
    package let usernameFragment: String
    /// `a=ice-pwd`, 22 to 256 characters.
    package let password: String

    package static let usernameFragmentLengths = 4...256
    package static let passwordLengths = 22...256

    /// Takes what a session description says; nil when a length is out of bounds or a character is not visible
    /// ASCII. The RFC's alphabet is narrower (letters, digits, + and /), but agents in the field use `-` and `_`,
    /// and all that matters here is that a colon separates two fragments.
    package init?(usernameFragment: String, password: String) {
        func isUsable(_ text: String, _ lengths: ClosedRange<Int>) -> Bool {
            lengths.contains(text.utf8.count)
                && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }
        }
        guard isUsable(usernameFragment, Self.usernameFragmentLengths), isUsable(password, Self.passwordLengths) else {
            return nil
        }
        self.usernameFragment = usernameFragment
        self.password = password
    }

    /// Draws fresh credentials: 48 bits of fragment, so that one socket can tell thousands of peers apart by it,
    /// and 144 bits of password. `random` should be cryptographically secure outside tests.
    package init(using random: inout some RandomNumberGenerator) {
        func draw(_ count: Int) -> String {
            var text = ""
            for _ in 0..<count { text.unicodeScalars.append(Self.alphabet[Int(random.next() >> 58)]) }
            return text
        }
        usernameFragment = draw(8)
        password = draw(24)
    }

    /// The key of MESSAGE-INTEGRITY.
    var key: [UInt8] { Array(password.utf8) }

    /// RFC 8839's 64 ice-chars.
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".unicodeScalars)
}
