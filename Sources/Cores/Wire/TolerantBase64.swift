/// Why a text is not base64, and where.
package enum Base64Error: Error, Hashable, Sendable {
    /// A byte that stands for nothing in either alphabet; `offset` counts bytes from the beginning of the text.
    case unexpectedByte(UInt8, offset: Int)
    /// `=` where no group ends, or more of them than a group has room for.
    case misplacedPadding(offset: Int)
    /// One symbol is left over at the end: it holds six bits, and a byte has eight.
    case incomplete(offset: Int)
    /// `data:` without `;base64,` (RFC 2397).
    case plainDataURL
}

extension Base64Error: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unexpectedByte(let byte, let offset) where byte > 0x20 && byte < 0x7F:
            "unexpected character '\(Character(Unicode.Scalar(byte)))' at byte \(offset)"
        case .unexpectedByte(let byte, let offset): "unexpected byte \(byte) at byte \(offset)"
        case .misplacedPadding(let offset): "misplaced '=' at byte \(offset)"
        case .incomplete(let offset): "it ends in the middle of a byte at byte \(offset)"
        case .plainDataURL: "a data URL without \";base64,\""
        }
    }
}

/// Base64 as programs of all kinds write it. What the gateway writes itself, and tokens, keep to the strict form.
extension Base64 {
    /// Bytes of a data URL's head (`data:audio/webm;codecs=opus;base64,`) that are looked at, at most.
    private static let maximumDataURLHead = 256
    private static let dataScheme = Array("data:".utf8)
    private static let base64Marker = Array(";base64,".utf8)

    /// The bytes that `text` stands for: either alphabet, with or without padding, with line breaks and blanks
    /// anywhere, behind `data:…;base64,` or not. Bits that no byte needs are passed over (RFC 4648 section 3.5).
    package static func decodeTolerantly(_ text: some StringProtocol) throws(Base64Error) -> [UInt8] {
        try decodeTolerantly(utf8: Array(text.utf8))
    }

    /// As `decodeTolerantly(_:)`, for text that is still UTF-8 bytes.
    package static func decodeTolerantly(utf8 text: [UInt8]) throws(Base64Error) -> [UInt8] {
        // Nearly everybody writes the strict form, and sound comes as megabytes of it.
        if let bytes = decode(utf8: text) { return bytes }
        let start = try contentStart(of: text)
        var bytes: [UInt8] = []
        bytes.reserveCapacity((text.count - start) / 4 * 3 + 2)
        var group: UInt32 = 0
        var held = 0
        var pads = 0
        for offset in start..<text.count {
            let value = tolerantValues[Int(text[offset])]
            if value < 64, pads == 0 {
                group = group << 6 | UInt32(value)
                held += 1
                guard held == 4 else { continue }
                bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                bytes.append(UInt8(truncatingIfNeeded: group >> 8))
                bytes.append(UInt8(truncatingIfNeeded: group))
                group = 0
                held = 0
            } else if value == paddingValue {
                pads += 1
                guard held >= 2, held + pads <= 4 else { throw .misplacedPadding(offset: offset) }
            } else if value != blankValue {
                throw .unexpectedByte(text[offset], offset: offset)
            }
        }
        switch held {
        case 1: throw .incomplete(offset: text.count)
        case 2: bytes.append(UInt8(truncatingIfNeeded: group >> 4))
        case 3:
            bytes.append(UInt8(truncatingIfNeeded: group >> 10))
            bytes.append(UInt8(truncatingIfNeeded: group >> 2))
        default: break
        }
        return bytes
    }

    /// Where the base64 begins: behind the head of a data URL, if there is one.
    private static func contentStart(of text: [UInt8]) throws(Base64Error) -> Int {
        guard text.count >= dataScheme.count,
            zip(text, dataScheme).allSatisfy({ given, expected in
                given == expected || given | 0x20 == expected
            })
        else { return 0 }
        let head = text.prefix(maximumDataURLHead)
        guard let comma = head.firstIndex(of: UInt8(ascii: ",")),
            text[...comma].suffix(base64Marker.count).elementsEqual(base64Marker)
        else { throw .plainDataURL }
        return comma + 1
    }

    private static let blankValue: UInt8 = 0xFE
    private static let paddingValue: UInt8 = 0xFD

    private static let tolerantValues: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        let symbols = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for (value, symbol) in symbols.enumerated() { values[Int(symbol)] = UInt8(value) }
        values[Int(UInt8(ascii: "-"))] = 62
        values[Int(UInt8(ascii: "_"))] = 63
        values[Int(UInt8(ascii: "="))] = paddingValue
        for blank in [0x20, 0x09, 0x0A, 0x0D] { values[blank] = blankValue }
        return values
    }()
}
