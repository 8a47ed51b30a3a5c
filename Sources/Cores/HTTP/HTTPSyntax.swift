internal import Wire

/// Character classes of RFC 9110 and 9112.
package enum HTTPSyntax {
    package static let lineEnd: [UInt8] = [0x0D, 0x0A]

    static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

    /// RFC 9110 section 5.6.2.
    static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }

    /// RFC 9110 section 5.5: visible characters, space, tab, and obs-text.
    static func isValueCharacter(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

    /// A request target holds visible ASCII only.
    static func isTargetCharacter(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) }

    /// What RFC 3986 section 3.2 allows in a host with a port: names, percent-encoding, addresses, brackets.
    static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x24...0x2E, 0x3A, 0x3B, 0x3D, 0x5B, 0x5D, 0x5F, 0x7E: true
        default: false
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// A name as RFC 9110 section 5.6.2 allows it.
    package static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenCharacter)
    }

    /// A field value without control characters, so that it cannot end its line.
    package static func isValue(_ text: some StringProtocol) -> Bool { text.utf8.allSatisfy(isValueCharacter) }

    /// Whether two names are the same without regard to the case of ASCII's letters.
    package static func isEqual(_ left: some StringProtocol, _ right: some StringProtocol) -> Bool {
        left.utf8.count == right.utf8.count
            && zip(left.utf8, right.utf8).allSatisfy { lowercased($0) == lowercased($1) }
    }

    /// The size that a chunk's first line announces (RFC 9112 section 7.1), without its CRLF; nil when it announces none.
    /// Behind the digits only extensions may follow. Fifteen digits hold any size that fits an `Int`.
    ///
    /// - Parameter allowsSpaces: spaces and tabs may stand behind the digits, as some servers fill the line up.
    static func chunkSize(_ line: ArraySlice<UInt8>, allowsSpaces: Bool) -> (size: Int, digits: Int)? {
        let digits = line.prefix { PercentEncoding.digit($0) != nil }
        guard (1...15).contains(digits.count) else { return nil }
        var extensions = line[digits.endIndex...]
        if allowsSpaces { extensions = extensions.drop { $0 == 0x20 || $0 == 0x09 } }
        guard extensions.isEmpty || extensions.first == 0x3B, extensions.allSatisfy(isValueCharacter) else {
            return nil
        }
        return (digits.reduce(0) { $0 << 4 | Int(PercentEncoding.digit($1) ?? 0) }, digits.count)
    }
}
