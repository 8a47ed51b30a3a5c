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
        let tables = tables
        return bytes.withUnsafeBytes { input in
            tables.withUnsafeBufferPointer { table in
                // SAFETY: both buffers are only read during the call; `offset + 8 <= count` bounds every load and
                // every table index is a byte plus the number of one of the eight tables.
                var remainder = start
                var offset = 0
                while offset + 8 <= input.count {
                    let word = unsafe UInt64(
                        littleEndian: input.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                    let mixed = word ^ UInt64(remainder)
                    var next: UInt32 = 0
                    for lane in 0..<8 {
                        let byte = Int(truncatingIfNeeded: mixed >> UInt64(8 * lane)) & 0xFF
                        next ^= unsafe table[(7 - lane) * 256 + byte]
                    }
                    remainder = next
                    offset += 8
                }
                while offset < input.count {
                    remainder = unsafe remainder >> 8 ^ table[Int((remainder ^ UInt32(input[offset])) & 0xFF)]
                    offset += 1
                }
                return remainder
            }
        }
    }
}
