/// Base64 (RFC 4648) in both alphabets, strict: no line breaks, no characters of the other alphabet, no stray bits.
package enum Base64 {
    /// Which two characters stand for 62 and 63, and whether `=` fills the last group.
    package enum Alphabet: Hashable, Sendable {
        /// `+` and `/`, padded (RFC 4648 section 4).
        case standard
        /// `-` and `_`, padded (section 5); what LiveKit's `join_request` wants.
        case urlSafe
        /// `-` and `_`, never padded (RFC 7515); what a JSON Web Token wants.
        case urlSafeUnpadded
    }

    /// The text for `bytes`.
    package static func encode(_ bytes: some Collection<UInt8>, _ alphabet: Alphabet = .standard) -> String {
        encode(Array(bytes), alphabet)
    }

    /// As above, without the detour of generic code, which is not specialised in other targets.
    package static func encode(_ bytes: [UInt8], _ alphabet: Alphabet = .standard) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(encodedSize(of: bytes.count))
        append(bytes, to: &text, alphabet)
        return String(decoding: text, as: UTF8.self)
    }

    /// How many characters stand for so many bytes, padding included.
    package static func encodedSize(of byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

    /// Appends the text for `bytes` to other text, all as ASCII bytes.
    package static func append(_ bytes: [UInt8], to text: inout [UInt8], _ alphabet: Alphabet = .standard) {
        append(bytes.span, to: &text, alphabet)
    }

    /// Appends the text for `source` to other text, all as ASCII bytes.
    package static func append(_ source: Span<UInt8>, to text: inout [UInt8], _ alphabet: Alphabet = .standard) {
        let symbols = alphabet == .standard ? standardSymbols : urlSafeSymbols
        let start = text.count
        let whole = source.count / 3
        // Room first, then writing in place: a second of sound has 48 000 bytes, and appending is half of the time.
        text.append(contentsOf: repeatElement(padding, count: encodedSize(of: source.count)))
        var target = text.mutableSpan
        let table = symbols.span
        for index in 0..<whole {
            let group =
                UInt32(source[3 * index]) << 16 | UInt32(source[3 * index + 1]) << 8 | UInt32(source[3 * index + 2])
            let place = start + 4 * index
            target[place] = table[Int(group >> 18)]
            target[place + 1] = table[Int(group >> 12 & 63)]
            target[place + 2] = table[Int(group >> 6 & 63)]
            target[place + 3] = table[Int(group & 63)]
        }
        let rest = source.count - 3 * whole
        guard rest > 0 else { return }
        let group = UInt32(source[3 * whole]) << 16 | (rest == 2 ? UInt32(source[3 * whole + 1]) << 8 : 0)
        for place in 0...rest {
            target[start + 4 * whole + place] = table[Int(group >> UInt32(18 - 6 * place) & 63)]
        }
        if alphabet == .urlSafeUnpadded { text.removeLast(3 - rest) }
    }

    /// The bytes that `text` stands for; nil unless it is exactly what `encode` writes for them in this alphabet.
    package static func decode(_ text: some StringProtocol, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        decode(utf8: Array(text.utf8), alphabet)
    }

    /// As `decode(_:_:)`, for text that is still UTF-8 bytes.
    package static func decode(utf8 text: some Collection<UInt8>, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        decode(utf8: Array(text), alphabet)
    }

    /// As above, without the detour of generic code.
    package static func decode(utf8 text: [UInt8], _ alphabet: Alphabet = .standard) -> [UInt8]? {
        let values = alphabet == .standard ? standardValues : urlSafeValues
        let length = text.count
        if alphabet != .urlSafeUnpadded, !length.isMultiple(of: 4) { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length / 4 * 3 + 2)
        var group: UInt32 = 0
        var held = 0
        var pads = 0
        for symbol in text {
            if symbol == padding {
                pads += 1
                continue
            }
            let value = values[Int(symbol)]
            guard value != invalid, pads == 0 else { return nil }
            group = group << 6 | UInt32(value)
            held += 1
            guard held == 4 else { continue }
            bytes.append(UInt8(truncatingIfNeeded: group >> 16))
            bytes.append(UInt8(truncatingIfNeeded: group >> 8))
            bytes.append(UInt8(truncatingIfNeeded: group))
            group = 0
            held = 0
        }
        // One symbol alone cannot hold a byte; two hold one byte and four spare bits, three hold two and two spare.
        let wantedPads = alphabet == .urlSafeUnpadded || held == 0 ? 0 : 4 - held
        guard held != 1, pads == wantedPads else { return nil }
        if held == 2 {
            guard group & 0xF == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: group >> 4))
        } else if held == 3 {
            guard group & 0x3 == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: group >> 10))
            bytes.append(UInt8(truncatingIfNeeded: group >> 2))
        }
        return bytes
    }

    private static let padding = UInt8(ascii: "=")
    private static let invalid: UInt8 = 0xFF
    private static let standardSymbols = symbols(last: "+/")
    private static let urlSafeSymbols = symbols(last: "-_")
    private static let standardValues = values(of: standardSymbols)
    private static let urlSafeValues = values(of: urlSafeSymbols)

    static func symbols(last: String) -> [UInt8] {
        Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8) + Array(last.utf8)
    }

    private static func values(of symbols: [UInt8]) -> [UInt8] {
        var values = [UInt8](repeating: invalid, count: 256)
        for (value, symbol) in symbols.enumerated() { values[Int(symbol)] = UInt8(value) }
        return values
    }
}
