internal import Wire

/// CRC32c (Castagnoli), the checksum of SCTP packets (RFC 9260 section 6.8 and appendix A), eight bytes a step.
package enum SCTPChecksum {
    /// The polynomial 0x1EDC6F41 with its bits reversed.
    private static let reversedPolynomial: UInt32 = 0x82F6_3B78

    /// Eight tables of 256 entries: table n holds the effect of a byte that n further bytes follow.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var remainder = UInt32(byte)
            for _ in 0..<8 { remainder = remainder & 1 == 1 ? remainder >> 1 ^ reversedPolynomial : remainder >> 1 }
            tables[byte] = remainder
        }
        for index in 256..<tables.count {
            let previous = tables[index - 256]
            tables[index] = previous >> 8 ^ tables[Int(previous & 0xFF)]
        }
        return tables
    }()

    /// The CRC32c of plain bytes.
    package static func compute(_ bytes: RawSpan) -> UInt32 { ~update(~0, bytes) }

    /// The checksum of an SCTP packet of at least 12 bytes, its checksum field (bytes 8 to 11) taken as zero;
    /// shorter input is summed up as it is.
    package static func ofPacket(_ packet: RawSpan) -> UInt32 {
        guard packet.byteCount >= SCTPPacket.headerLength else { return compute(packet) }
        let zeros: [UInt8] = [0, 0, 0, 0]
        var remainder = update(~0, packet.extracting(0..<8))
        remainder = update(remainder, zeros.span.bytes)
        return ~update(remainder, packet.extracting(12..<packet.byteCount))
    }

    private static func update(_ start: UInt32, _ bytes: RawSpan) -> UInt32 {
        let table = tables.span
        var remainder = start
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            let mixed = bytes.littleEndianUInt64(at: offset) ^ UInt64(remainder)
            var next: UInt32 = 0
            for lane in 0..<8 {
                next ^= table[(7 - lane) * 256 + Int(truncatingIfNeeded: mixed >> UInt64(8 * lane)) & 0xFF]
            }
            remainder = next
            offset += 8
        }
        while offset < bytes.byteCount {
            remainder = remainder >> 8 ^ table[Int((remainder ^ UInt32(bytes[offset])) & 0xFF)]
            offset += 1
        }
        return remainder
    }
}
