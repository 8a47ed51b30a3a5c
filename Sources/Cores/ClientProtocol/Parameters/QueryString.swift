/// The query of a request target (RFC 3986 section 3.4), in the form that browsers write: `name=value` pairs between
/// `&`, percent-encoded, `+` for a space.
package enum QueryString {
    /// Pairs beyond this many are not read.
    package static let maximumPairs = 64

    /// The pairs of `query`, which is what follows the `?`, in their order. Nothing is ever refused: a `%` that does
    /// not start an escape stands for itself, and bytes that are not UTF-8 become U+FFFD.
    package static func pairs(of query: some StringProtocol) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for part in query.utf8.split(separator: UInt8(ascii: "&")) {
            guard pairs.count < maximumPairs else { break }
            let equals = part.firstIndex(of: UInt8(ascii: "="))
            let name = part[..<(equals ?? part.endIndex)]
            let value = equals.map { part[part.index(after: $0)...] } ?? part[part.endIndex...]
            pairs.append((decode(name), decode(value)))
        }
        return pairs
    }

    /// Undoes percent-encoding.
    ///
    /// - Parameter plusIsSpace: as in queries, but nowhere else.
    static func decode(_ text: some Collection<UInt8>, plusIsSpace: Bool = true) -> String {
        let text = Array(text)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == UInt8(ascii: "+"), plusIsSpace {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), index + 1 < text.count, let high = digit(text[index]),
                let low = digit(text[index + 1])
            {
                bytes.append(high << 4 | low)
                index += 2
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
