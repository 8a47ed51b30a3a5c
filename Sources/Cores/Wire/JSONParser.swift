/// Why a text is not JSON, and where.
package struct JSONError: Error, Hashable, Sendable {
    /// What was wrong.
    package enum Reason: Hashable, Sendable {
        case tooLarge(maximum: Int)
        case tooDeep(maximum: Int)
        case unexpectedEnd
        /// A byte that cannot stand here.
        case unexpectedByte(UInt8)
        /// Something follows the value.
        case trailingContent
        case controlCharacterInString
        case invalidEscape
        case invalidUTF8
        case invalidNumber
        case numberOutOfRange
    }

    package let reason: Reason
    /// The offset in bytes from the beginning of the text.
    package let offset: Int

    package init(reason: Reason, offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

extension JSONError: CustomStringConvertible {
    package var description: String {
        let what =
            switch reason {
            case .tooLarge(let maximum): "larger than \(maximum) bytes"
            case .tooDeep(let maximum): "nested deeper than \(maximum) levels"
            case .unexpectedEnd: "unexpected end"
            case .unexpectedByte(let byte) where byte >= 0x20 && byte < 0x7F:
                "unexpected character '\(Character(Unicode.Scalar(byte)))'"
            case .unexpectedByte(let byte): "unexpected byte \(byte)"
            case .trailingContent: "content after the value"
            case .controlCharacterInString: "control character in a string"
            case .invalidEscape: "invalid escape"
            case .invalidUTF8: "invalid UTF-8"
            case .invalidNumber: "invalid number"
            case .numberOutOfRange: "number out of range"
            }
        return "\(what) at byte \(offset)"
    }
}

extension JSONValue {
    /// Nesting that the parser accepts unless told otherwise; each level costs a stack frame.
    package static let maximumDepth = 64
    /// Bytes of text that the parser accepts unless told otherwise.
    package static let maximumSize = 4 << 20

    /// Parses one JSON text with nothing but white space around it.
    package init(
        parsing text: [UInt8], maximumDepth: Int = maximumDepth, maximumSize: Int = maximumSize
    ) throws(JSONError) {
        guard text.count <= maximumSize else {
            throw JSONError(reason: .tooLarge(maximum: maximumSize), offset: maximumSize)
        }
        var parser = JSONParser(text: text, maximumDepth: maximumDepth)
        self = try parser.parse()
    }

    /// As `init(parsing:)` over bytes.
    package init(
        parsing text: String, maximumDepth: Int = maximumDepth, maximumSize: Int = maximumSize
    ) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), maximumDepth: maximumDepth, maximumSize: maximumSize)
    }
}

/// Recursive descent over RFC 8259's grammar. Half of a `\u` pair without its other half becomes U+FFFD (section 8.2
/// leaves it open): a JavaScript `slice` through an emoji must not cost the whole message.
private struct JSONParser {
    let text: [UInt8]
    let maximumDepth: Int
    var offset = 0

    init(text: [UInt8], maximumDepth: Int) {
        self.text = text
        self.maximumDepth = maximumDepth
    }

    mutating func parse() throws(JSONError) -> JSONValue {
        let value = try parseValue(depth: 1)
        skipSpace()
        guard offset == text.count else { throw error(.trailingContent) }
        return value
    }

    private func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason: reason, offset: offset) }

    private var unexpected: JSONError {
        offset < text.count ? error(.unexpectedByte(text[offset])) : error(.unexpectedEnd)
    }

    private mutating func skipSpace() {
        while offset < text.count {
            switch text[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    /// The next byte that is not white space, not consumed.
    private mutating func peek() throws(JSONError) -> UInt8 {
        skipSpace()
        guard offset < text.count else { throw error(.unexpectedEnd) }
        return text[offset]
    }

    private mutating func parseValue(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= maximumDepth else { throw error(.tooDeep(maximum: maximumDepth)) }
        switch try peek() {
        case UInt8(ascii: "{"): return try parseObject(depth: depth)
        case UInt8(ascii: "["): return try parseArray(depth: depth)
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        default: throw unexpected
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for expected in "\(word)".utf8 {
            guard offset < text.count, text[offset] == expected else { throw unexpected }
            offset += 1
        }
        return value
    }

    private mutating func parseObject(depth: Int) throws(JSONError) -> JSONValue {
        offset += 1
        var members: [JSONObject.Member] = []
        if try peek() == UInt8(ascii: "}") {
            offset += 1
            return .object(JSONObject())
        }
        while true {
            guard try peek() == UInt8(ascii: "\"") else { throw unexpected }
            let key = try parseString()
            guard try peek() == UInt8(ascii: ":") else { throw unexpected }
            offset += 1
            members.append(JSONObject.Member(key: key, value: try parseValue(depth: depth + 1)))
            if try parseSeparator(closing: UInt8(ascii: "}")) { return .object(JSONObject(members: members)) }
        }
    }

    private mutating func parseArray(depth: Int) throws(JSONError) -> JSONValue {
        offset += 1
        var elements: [JSONValue] = []
        if try peek() == UInt8(ascii: "]") {
            offset += 1
            return .array([])
        }
        while true {
            elements.append(try parseValue(depth: depth + 1))
            if try parseSeparator(closing: UInt8(ascii: "]")) { return .array(elements) }
        }
    }

    /// Consumes a comma or the closing bracket; true for the latter.
    private mutating func parseSeparator(closing: UInt8) throws(JSONError) -> Bool {
        let byte = try peek()
        guard byte == UInt8(ascii: ",") || byte == closing else { throw unexpected }
        offset += 1
        return byte == closing
    }

    private mutating func parseString() throws(JSONError) -> String {
        offset += 1
        let start = offset
        // Most strings have no escape and are taken as they stand.
        while offset < text.count, text[offset] != UInt8(ascii: "\""), text[offset] != UInt8(ascii: "\\") {
            guard text[offset] >= 0x20 else { throw error(.controlCharacterInString) }
            offset += 1
        }
        guard offset < text.count else { throw error(.unexpectedEnd) }
        if text[offset] == UInt8(ascii: "\"") {
            offset += 1
            return try validated(text[start..<offset - 1], at: start)
        }
        var content = Array(text[start..<offset])
        while offset < text.count {
            let byte = text[offset]
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return try validated(content[...], at: start)
            case UInt8(ascii: "\\"):
                try parseEscape(into: &content)
            case 0..<0x20:
                throw error(.controlCharacterInString)
            default:
                content.append(byte)
                offset += 1
            }
        }
        throw error(.unexpectedEnd)
    }

    private func validated(_ bytes: ArraySlice<UInt8>, at start: Int) throws(JSONError) -> String {
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw JSONError(reason: .invalidUTF8, offset: start)
        }
        return string
    }

    private mutating func parseEscape(into content: inout [UInt8]) throws(JSONError) {
        guard offset + 1 < text.count else {
            offset = text.count
            throw error(.unexpectedEnd)
        }
        let code = text[offset + 1]
        let plain: UInt8? =
            switch code {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): code
            case UInt8(ascii: "b"): 0x08
            case UInt8(ascii: "f"): 0x0C
            case UInt8(ascii: "n"): 0x0A
            case UInt8(ascii: "r"): 0x0D
            case UInt8(ascii: "t"): 0x09
            default: nil
            }
        if let plain {
            content.append(plain)
            offset += 2
            return
        }
        guard code == UInt8(ascii: "u") else { throw error(.invalidEscape) }
        var scalar = try parseHexadecimal()
        if (0xD800..<0xDC00).contains(scalar), let low = try parseLowSurrogate() {
            scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
        }
        let character = Unicode.Scalar(scalar) ?? "\u{FFFD}"
        content.append(contentsOf: UTF8.encode(character) ?? UTF8.encodedReplacementCharacter)
    }

    /// The second half of a pair, consumed; nil, with nothing consumed, when something else follows the first half.
    private mutating func parseLowSurrogate() throws(JSONError) -> UInt32? {
        guard offset + 1 < text.count, text[offset] == UInt8(ascii: "\\"), text[offset + 1] == UInt8(ascii: "u")
        else { return nil }
        let start = offset
        let value = try parseHexadecimal()
        guard (0xDC00..<0xE000).contains(value) else {
            offset = start
            return nil
        }
        return value
    }

    /// The four digits of the `\uXXXX` at `offset`.
    private mutating func parseHexadecimal() throws(JSONError) -> UInt32 {
        guard offset + 6 <= text.count else {
            offset = text.count
            throw error(.unexpectedEnd)
        }
        var value: UInt32 = 0
        for byte in text[offset + 2..<offset + 6] {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw error(.invalidEscape)
            }
            value = value << 4 | UInt32(digit)
        }
        offset += 6
        return value
    }

    private mutating func parseNumber() throws(JSONError) -> JSONValue {
        let start = offset
        if text[offset] == UInt8(ascii: "-") { offset += 1 }
        if offset < text.count, text[offset] == UInt8(ascii: "0") {
            offset += 1
        } else {
            try skipDigits()
        }
        var isWhole = true
        if offset < text.count, text[offset] == UInt8(ascii: ".") {
            isWhole = false
            offset += 1
            try skipDigits()
        }
        if offset < text.count, text[offset] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            offset += 1
            if offset < text.count, text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            try skipDigits()
        }
        let digits = String(decoding: text[start..<offset], as: UTF8.self)
        if isWhole, let integer = Int64(digits) { return .integer(integer) }
        guard let double = Double(digits), double.isFinite else {
            throw JSONError(reason: .numberOutOfRange, offset: start)
        }
        return .double(double)
    }

    /// At least one decimal digit.
    private mutating func skipDigits() throws(JSONError) {
        let start = offset
        while offset < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[offset]) { offset += 1 }
        guard offset > start else {
            throw offset < text.count ? error(.invalidNumber) : error(.unexpectedEnd)
        }
    }
}
