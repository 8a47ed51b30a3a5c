internal import Wire

/// Checks text that comes in pieces to be UTF-8 (RFC 3629: no surrogates, no overlong forms), a byte at a time, so that the
/// first wrong byte is seen when it is there.
struct UTF8Checker {
    /// Bytes that the character under way still needs.
    private var missing = 0
    /// What the next of them may be.
    private var allowed: ClosedRange<UInt8> = 0x80...0xBF

    /// Whether no character is under way.
    var isComplete: Bool { missing == 0 }

    /// Takes the next bytes; false when no text can go on like that.
    mutating func take(_ bytes: RawSpan) -> Bool {
        for offset in bytes.byteOffsets {
            let byte = bytes[offset]
            if missing > 0 {
                guard allowed.contains(byte) else { return false }
                missing -= 1
                allowed = 0x80...0xBF
            } else if byte >= 0x80 {
                guard begin(byte) else { return false }
            }
        }
        return true
    }

    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF: missing = 1
        case 0xE0...0xEF: missing = 2
        case 0xF0...0xF4: missing = 3
        default: return false
        }
        switch byte {
        case 0xE0: allowed = 0xA0...0xBF
        case 0xED: allowed = 0x80...0x9F
        case 0xF0: allowed = 0x90...0xBF
        case 0xF4: allowed = 0x80...0x8F
        default: allowed = 0x80...0xBF
        }
        return true
    }
}
