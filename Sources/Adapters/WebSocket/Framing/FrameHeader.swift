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
    init?(parsing bytes: UnsafeRawBufferPointer) throws(WebSocketViolation) {
        guard bytes.count >= 2 else { return nil }
        // SAFETY: each index is below the count, which is checked before.
        let first = unsafe bytes[0]
        let second = unsafe bytes[1]
        guard first & 0x70 == 0 else { throw .protocolError("reserved bits are set and no extension was agreed upon") }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
            throw .protocolError("the opcode \(first & 0x0F) is reserved")
        }
        let isFinal = first & 0x80 != 0
        if opcode.isControl, !isFinal || second & 0x7F > Self.maximumControlPayloadBytes {
            throw .protocolError("a control frame is fragmented or longer than 125 bytes")
        }
        let count = Self.encodedBytes(second)
        guard bytes.count >= count else { return nil }
        var length = Int(second & 0x7F)
        if length == 126 {
            length = unsafe Int(bytes[2]) << 8 | Int(bytes[3])
            guard length > 125 else { throw .protocolError("a length is not in its shortest form") }
        } else if length == 127 {
            let long = (2..<10).reduce(UInt64(0)) { unsafe $0 << 8 | UInt64(bytes[$1]) }
            guard long > 0xFFFF else { throw .protocolError("a length is not in its shortest form") }
            guard let fits = Int(exactly: long) else { throw .protocolError("a length has its highest bit set") }
            length = fits
        }
        self.isFinal = isFinal
        self.opcode = opcode
        payloadBytes = length
        mask =
            second & 0x80 == 0
            ? nil : (0..<4).reduce(UInt32(0)) { unsafe $0 | UInt32(bytes[count - 4 + $1]) << UInt32(8 * $1) }
    }

    /// How many bytes `write` needs.
    var encodedBytes: Int { (payloadBytes < 126 ? 2 : payloadBytes <= 0xFFFF ? 4 : 10) + (mask == nil ? 0 : 4) }

    /// Writes the head so that it ends right before `end` bytes of `buffer`.
    ///
    /// - Returns: where it begins.
    func write(into buffer: UnsafeMutableRawBufferPointer, endingAt end: Int) -> Int {
        let start = end - encodedBytes
        var index = start
        func put(_ byte: UInt8) {
            // SAFETY: each index is below the count, which is checked before.
            unsafe buffer[index] = byte
            index += 1
        }
        put((isFinal ? 0x80 : 0) | opcode.rawValue)
        let masked: UInt8 = mask == nil ? 0 : 0x80
        if payloadBytes < 126 {
            put(masked | UInt8(payloadBytes))
        } else if payloadBytes <= 0xFFFF {
            put(masked | 126)
            put(UInt8(payloadBytes >> 8))
            put(UInt8(payloadBytes & 0xFF))
        } else {
            put(masked | 127)
            for shift in stride(from: 56, through: 0, by: -8) { put(UInt8(payloadBytes >> shift & 0xFF)) }
        }
        if let mask {
            for shift in stride(from: 0, through: 24, by: 8) { put(UInt8(mask >> UInt32(shift) & 0xFF)) }
        }
        return start
    }
}

/// RFC 6455 section 5.3: payload XOR key.
enum WebSocketMask {
    /// Masks or unmasks in place, eight bytes at a time.
    ///
    /// - Parameters:
    ///   - key: in wire order, first byte lowest.
    ///   - offset: how many bytes of the same payload came before.
    static func apply(_ key: UInt32, to bytes: UnsafeMutableRawBufferPointer, offset: Int = 0) {
        guard key != 0 else { return }
        let turn = UInt32(offset & 3) * 8
        let key = turn == 0 ? key : key >> turn | key << (32 - turn)
        // The key as it lies in memory, whatever the byte order of the machine.
        let wide = (UInt64(key) << 32 | UInt64(key)).littleEndian
        var index = 0
        while index + 8 <= bytes.count {
            // SAFETY: eight bytes from `index` on lie in the buffer.
            let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            unsafe bytes.storeBytes(of: word ^ wide, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < bytes.count {
            unsafe bytes[index] ^= UInt8(truncatingIfNeeded: key >> UInt32(8 * (index & 3)))
            index += 1
        }
    }
}
