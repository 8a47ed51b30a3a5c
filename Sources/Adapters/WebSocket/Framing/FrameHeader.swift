internal import Wire

/// What a frame carries (RFC 6455 section 5.2).
package enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    package var isControl: Bool { rawValue & 0x8 != 0 }
}

/// What the peer did wrong, and the close code that tells it so.
package struct WebSocketViolation: Error, Hashable, Sendable {
    package let code: WebSocketCloseCode
    package let reason: String

    static func protocolError(_ reason: String) -> WebSocketViolation {
        WebSocketViolation(code: .protocolError, reason: reason)
    }
}

/// The head of a frame: 2 to 14 bytes before the payload.
package struct WebSocketFrameHeader: Hashable, Sendable {
    /// The longest head: two bytes, eight of length, four of masking key.
    package static let maximumBytes = 14
    /// RFC 6455 section 5.5.
    package static let maximumControlPayloadBytes = 125

    package var isFinal: Bool
    package var opcode: WebSocketOpcode
    /// The masking key in wire order (first byte lowest); nil when the payload is not masked.
    package var mask: UInt32?
    package var payloadBytes: Int

    package init(isFinal: Bool = true, opcode: WebSocketOpcode, mask: UInt32? = nil, payloadBytes: Int) {
        self.isFinal = isFinal
        self.opcode = opcode
        self.mask = mask
        self.payloadBytes = payloadBytes
    }

    /// How many bytes the head has, judged by its first two.
    static func encodedBytes(_ second: UInt8) -> Int {
        let length =
            switch second & 0x7F {
            case 126: 4
            case 127: 10
            default: 2
            }
        return second & 0x80 != 0 ? length + 4 : length
    }

    /// Reads a head.
    ///
    /// - Parameter bytes: from the first byte of the head on.
    /// - Returns: nil when the head is not complete.
    init?(parsing bytes: RawSpan) throws(WebSocketViolation) {
        guard bytes.byteCount >= 2 else { return nil }
        let first = bytes[0]
        let second = bytes[1]
        guard first & 0x70 == 0 else { throw .protocolError("reserved bits are set and no extension was agreed upon") }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
            throw .protocolError("the opcode \(first & 0x0F) is reserved")
        }
        let isFinal = first & 0x80 != 0
        if opcode.isControl, !isFinal || second & 0x7F > Self.maximumControlPayloadBytes {
            throw .protocolError("a control frame is fragmented or longer than 125 bytes")
        }
        let count = Self.encodedBytes(second)
        guard bytes.byteCount >= count else { return nil }
        var length = Int(second & 0x7F)
        if length == 126 {
            length = Int(bytes.bigEndianUInt16(at: 2))
            guard length > 125 else { throw .protocolError("a length is not in its shortest form") }
        } else if length == 127 {
            let long = UInt64(bytes.bigEndianUInt32(at: 2)) << 32 | UInt64(bytes.bigEndianUInt32(at: 6))
            guard long > 0xFFFF else { throw .protocolError("a length is not in its shortest form") }
            guard let fits = Int(exactly: long) else { throw .protocolError("a length has its highest bit set") }
            length = fits
        }
        self.isFinal = isFinal
        self.opcode = opcode
        payloadBytes = length
        mask = second & 0x80 == 0 ? nil : bytes.bigEndianUInt32(at: count - 4).byteSwapped
    }

    /// How many bytes `write` needs.
    var encodedBytes: Int { (payloadBytes < 126 ? 2 : payloadBytes <= 0xFFFF ? 4 : 10) + (mask == nil ? 0 : 4) }

    /// Writes the head so that it ends right before `end` bytes of `buffer`.
    ///
    /// - Returns: where it begins.
    func write(into buffer: inout MutableRawSpan, endingAt end: Int) -> Int {
        let start = end - encodedBytes
        buffer.set((isFinal ? 0x80 : 0) | opcode.rawValue, at: start)
        let masked: UInt8 = mask == nil ? 0 : 0x80
        if payloadBytes < 126 {
            buffer.set(masked | UInt8(payloadBytes), at: start + 1)
        } else if payloadBytes <= 0xFFFF {
            buffer.set(masked | 126, at: start + 1)
            buffer.setBigEndian(UInt16(payloadBytes), at: start + 2)
        } else {
            buffer.set(masked | 127, at: start + 1)
            buffer.setBigEndian(UInt32(truncatingIfNeeded: payloadBytes >> 32), at: start + 2)
            buffer.setBigEndian(UInt32(truncatingIfNeeded: payloadBytes), at: start + 6)
        }
        if let mask { buffer.setBigEndian(mask.byteSwapped, at: end - 4) }
        return start
    }
}

/// RFC 6455 section 5.3: payload XOR key.
enum WebSocketMask {
    /// Masks or unmasks in place, eight bytes at a time.
    ///
    /// - Parameters:
    ///   - key: in wire order, first byte lowest.
    ///   - range: where the payload lies.
    ///   - offset: how many bytes of the same payload came before.
    static func apply(_ key: UInt32, to bytes: inout MutableRawSpan, _ range: Range<Int>, offset: Int = 0) {
        guard key != 0 else { return }
        let turn = UInt32(offset & 3) * 8
        let key = turn == 0 ? key : key >> turn | key << (32 - turn)
        // The key as it lies in memory, whatever the byte order of the machine.
        let wide = (UInt64(key) << 32 | UInt64(key)).littleEndian
        precondition(range.upperBound <= bytes.byteCount)
        // SAFETY: the range has just been checked, once for all that is read and written in it.
        unsafe bytes.withUnsafeMutableBytes { buffer in
            let payload = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[range])
            var index = 0
            while index + 8 <= payload.count {
                let word = unsafe payload.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                unsafe payload.storeBytes(of: word ^ wide, toByteOffset: index, as: UInt64.self)
                index += 8
            }
            while index < payload.count {
                unsafe payload[index] ^= UInt8(truncatingIfNeeded: key >> UInt32(8 * (index & 3)))
                index += 1
            }
        }
    }
}
