/// One page of an Ogg stream (RFC 3533 section 6).
struct OggPage: Hashable, Sendable {
    /// Bytes before the segment table.
    static let headerSize = 27
    /// Bytes of the largest page: header, 255 lacing values, 255 segments of 255 bytes.
    static let maximumSize = 27 + 255 + 255 * 255

    /// The first packet is the rest of the last one of the page before.
    let isContinued: Bool
    /// The first page of its stream.
    let isBeginning: Bool
    let serialNumber: UInt32
    let sequenceNumber: UInt32
    /// Where segments lie in the bytes, and whether a packet ends with each.
    let segments: [(range: Range<Int>, endsPacket: Bool)]
    let byteCount: Int

    static func == (left: OggPage, right: OggPage) -> Bool {
        left.serialNumber == right.serialNumber && left.sequenceNumber == right.sequenceNumber
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(serialNumber)
        hasher.combine(sequenceNumber)
    }

    /// The page at `offset`; nil when more bytes must come. Looks at the checksum.
    init?(_ bytes: [UInt8], at offset: Int) throws(OggError) {
        let available = bytes.count - offset
        for (index, expected) in "OggS".utf8.enumerated() where index < available {
            guard bytes[offset + index] == expected else { throw .notOgg }
        }
        if available > 4, bytes[offset + 4] != 0 { throw .unsupportedVersion(bytes[offset + 4]) }
        guard available >= Self.headerSize else { return nil }
        let count = Int(bytes[offset + 26])
        var start = offset + Self.headerSize + count
        guard bytes.count >= start else { return nil }
        var segments: [(range: Range<Int>, endsPacket: Bool)] = []
        segments.reserveCapacity(count)
        for index in 0..<count {
            let size = Int(bytes[offset + Self.headerSize + index])
            segments.append((start..<start + size, size < 255))
            start += size
        }
        guard bytes.count >= start else { return nil }
        guard Self.checksum(bytes, offset..<start) == Self.integer(bytes, offset + 22) else { throw .checksumMismatch }
        isContinued = bytes[offset + 5] & 1 != 0
        isBeginning = bytes[offset + 5] & 2 != 0
        serialNumber = Self.integer(bytes, offset + 14)
        sequenceNumber = Self.integer(bytes, offset + 18)
        self.segments = segments
        byteCount = start - offset
    }

    private static func integer(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
            | UInt32(bytes[offset + 3]) << 24
    }

    /// CRC-32 with polynomial 0x04C11DB7, not reflected, over the page with zeros in place of its checksum.
    private static func checksum(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        let field = range.lowerBound + 22..<range.lowerBound + 26
        var sum: UInt32 = 0
        for index in range {
            let byte = field.contains(index) ? 0 : bytes[index]
            sum = sum << 8 ^ table[Int(sum >> 24) ^ Int(byte)]
        }
        return sum
    }

    private static let table: [UInt32] = (0..<256).map { value in
        (0..<8).reduce(UInt32(value) << 24) { sum, _ in sum & 0x8000_0000 != 0 ? sum << 1 ^ 0x04C1_1DB7 : sum << 1 }
    }
}
