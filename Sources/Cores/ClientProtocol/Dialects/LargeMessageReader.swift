internal import Wire

/// Reads a JSON message of a client in pieces, as they come: a recorded utterance has megabytes, and taking it apart at once
/// would keep all other sessions of the loop waiting. What is large in such a message is the member `data` with its base64, so
/// that is decoded at once and not kept, and the rest, which is small, is parsed as JSON when all is there.
///
/// A piece costs what its length is. Pure.
package struct LargeMessageReader: Sendable {
    /// Bytes of a message besides the content of `data`. Parsing so much takes 3 ms.
    package static let maximumTextBytes = 256 << 10

    private enum Place: Sendable {
        /// Between strings.
        case outside
        /// In a string that is kept; `isKey` if it may be the name of a member of the outermost object.
        case string(isKey: Bool)
        /// In the content of `data`.
        case sound
    }

    private let soundKey: [UInt8]
    private let expected: Int
    /// Bytes of the message so far.
    private var offset = 0
    private var text: [UInt8] = []
    private var isTooLong = false
    /// Something else than white space has come.
    private var hasBegun = false
    private var place = Place.outside
    private var depth = 0
    private var isObject = false
    /// In the outermost object: the next string is the name of a member, or the content of `data`.
    private var isKeyNext = false
    private var isSoundNext = false
    /// Where the name of a member begins in `text`.
    private var keyStart = 0
    /// The escape under way in a string; what is behind its backslash.
    private var escape: [UInt8]?
    private var sound: Base64Decoder?
    private var left = 0..<0
    private var mistake: JSONError?

    /// - Parameters:
    ///   - member: the one with the sound, in place of `data`.
    ///   - expected: how long the message will be, as far as that is known: a list that grows by doubling would copy
    ///     megabytes at once.
    package init(member: String = "data", expecting expected: Int = 0) {
        soundKey = Array(member.utf8)
        self.expected = expected
    }

    /// Takes the next piece.
    package mutating func append(_ piece: RawSpan) {
        var start = 0
        while start < piece.byteCount, !isTooLong {
            if case .sound = place, escape == nil {
                start = takeSound(piece, from: start)
            } else {
                take(piece[start], at: offset + start)
                start += 1
            }
        }
        offset += piece.byteCount
    }

    /// The message is whole.
    package mutating func finish() -> LargeMessage {
        if case .sound = place { left = left.lowerBound..<offset }
        var decoded: Result<[UInt8], Base64Error>?
        do throws(Base64Error) {
            if let bytes = try sound?.finish() { decoded = .success(bytes) }
        } catch {
            decoded = .failure(error)
        }
        return LargeMessage(
            byteCount: offset, text: text, member: String(decoding: soundKey, as: UTF8.self), sound: decoded,
            left: left,
            mistake: mistake, isTooLong: isTooLong)
    }

    // MARK: The content of `data`

    /// Takes what comes before the next byte that means something in a string, and that byte.
    ///
    /// - Returns: where to go on.
    private mutating func takeSound(_ piece: RawSpan, from start: Int) -> Int {
        var end = start
        while end < piece.byteCount, piece[end] >= 0x20, piece[end] != Self.quote, piece[end] != Self.backslash {
            end += 1
        }
        sound?.append(piece.extracting(start..<end))
        guard end < piece.byteCount else { return end }
        switch piece[end] {
        case Self.quote:
            left = left.lowerBound..<offset + end
            keep(Self.quote)
            place = .outside
        case Self.backslash: escape = []
        default: note(.controlCharacterInString, at: offset + end)
        }
        return end + 1
    }

    private mutating func note(_ reason: JSONError.Reason, at offset: Int) {
        if mistake == nil { mistake = JSONError(reason: reason, offset: offset) }
    }

    /// Takes a byte of an escape (RFC 8259 section 7). Some programs write `\/`, which is a symbol of base64, and what others
    /// write is no base64.
    private mutating func takeEscape(_ byte: UInt8, at offset: Int) {
        var escape = (self.escape ?? []) + [byte]
        self.escape = nil
        switch escape[0] {
        case UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"): escape = [0x0A]
        case UInt8(ascii: "b"), UInt8(ascii: "f"): escape = [0x08]
        case Self.quote, Self.backslash, UInt8(ascii: "/"): break
        case UInt8(ascii: "u"):
            guard escape.count == 5 else {
                self.escape = escape
                return
            }
            guard escape.dropFirst().allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
                let code = UInt32(String(decoding: escape.dropFirst(), as: UTF8.self), radix: 16)
            else { return note(.invalidEscape, at: offset - 5) }
            escape = UTF8.encode(Unicode.Scalar(code) ?? "\u{FFFD}").map(Array.init) ?? []
        default: return note(.invalidEscape, at: offset - 1)
        }
        sound?.append(escape.span.bytes)
    }

    // MARK: Everything else

    /// RFC 8259 section 2.
    private static let space: [UInt8] = [0x20, 0x0A, 0x0D, 0x09]
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")

    private mutating func keep(_ byte: UInt8) {
        if text.count < Self.maximumTextBytes {
            text.append(byte)
        } else {
            isTooLong = true
            text = []
            sound = nil
        }
    }

    private mutating func take(_ byte: UInt8, at offset: Int) {
        switch place {
        case .sound: takeEscape(byte, at: offset)
        case .string(let isKey):
            keep(byte)
            if escape != nil {
                escape = nil
            } else if byte == Self.backslash {
                escape = []
            } else if byte == Self.quote {
                place = .outside
                if isKey, !isTooLong { endKey() }
            }
        case .outside:
            keep(byte)
            takeToken(byte, at: offset)
        }
    }

    private mutating func takeToken(_ byte: UInt8, at offset: Int) {
        if !hasBegun, !Self.space.contains(byte) {
            hasBegun = true
            // Nothing else can be this large.
            let canBegin: [UInt8] = [UInt8(ascii: "{"), UInt8(ascii: "["), Self.quote]
            if !canBegin.contains(byte) { note(.unexpectedByte(byte), at: offset) }
        }
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            if depth == 1 { isObject = byte == UInt8(ascii: "{") }
            isKeyNext = depth == 1 && isObject
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth = max(0, depth - 1)
        case UInt8(ascii: ",") where depth == 1:
            isKeyNext = isObject
            isSoundNext = false
        case Self.quote where depth == 1 && isSoundNext:
            place = .sound
            isSoundNext = false
            sound = Base64Decoder(expecting: max(0, expected - offset))
            left = offset + 1..<offset + 1
        case Self.quote:
            let isKey = depth == 1 && isKeyNext
            place = .string(isKey: isKey)
            keyStart = text.count
        default: break
        }
    }

    private mutating func endKey() {
        isKeyNext = false
        isSoundNext = text[keyStart..<text.count - 1].elementsEqual(soundKey)
        // Of members with the same name the last one counts.
        if isSoundNext { sound = nil }
    }
}
