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

extension Base64 {
    /// The bytes that `text` stands for, as programs of all kinds write it (`Base64Decoder`). What the gateway writes itself, and
    /// tokens, keep to the strict form.
    package static func decodeTolerantly(_ text: some StringProtocol) throws(Base64Error) -> [UInt8] {
        try decodeTolerantly(utf8: Array(text.utf8))
    }

    /// As `decodeTolerantly(_:)`, for text that is still UTF-8 bytes.
    package static func decodeTolerantly(utf8 text: [UInt8]) throws(Base64Error) -> [UInt8] {
        var decoder = Base64Decoder(expecting: text.count)
        decoder.append(text.span.bytes)
        return try decoder.finish()
    }
}
