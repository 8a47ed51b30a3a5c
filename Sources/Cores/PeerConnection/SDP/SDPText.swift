/// Reading pieces of a description's text. Bytes are compared, not characters: the grammar of RFC 8866 is made of
/// bytes, and whoever counts characters walks through the text once more for each of them.
extension ArraySlice<UInt8> {
    /// Without spaces and tabs at either end.
    func trimmingSpaces() -> ArraySlice<UInt8> {
        var part = self
        while let first = part.first, first == 0x20 || first == 0x09 { part = part.dropFirst() }
        while let last = part.last, last == 0x20 || last == 0x09 { part = part.dropLast() }
        return part
    }

    /// Takes the next field off the front, with the separators before it; nil when there is none.
    mutating func popField(_ separator: UInt8 = UInt8(ascii: " ")) -> ArraySlice<UInt8>? {
        while let byte = first, byte == separator { self = dropFirst() }
        guard !isEmpty else { return nil }
        let end = firstIndex(of: separator) ?? endIndex
        let field = self[startIndex..<end]
        self = self[end...]
        return field
    }

    var text: String { String(decoding: self, as: UTF8.self) }

    /// Whether these are the letters of a keyword, which is written in small ones, in either case.
    func isEqual(lowercase keyword: String) -> Bool {
        let letters = keyword.utf8
        return count == letters.count
            && zip(self, letters).allSatisfy { byte, letter in
                byte == letter || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) && byte | 0x20 == letter
            }
    }

    /// A number in decimal digits and nothing else; nil if it does not fit.
    func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) -> Number? {
        guard !isEmpty else { return nil }
        var value: Number = 0
        for byte in self {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (shifted, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = shifted.addingReportingOverflow(Number(byte - UInt8(ascii: "0")))
            guard !isTooLarge, !overflows else { return nil }
            value = sum
        }
        return value
    }

    /// The value of one hexadecimal digit.
    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
