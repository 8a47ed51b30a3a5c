/// The lower layer of WebM (RFC 8794): element names and variable-size integers.
enum EBML {
    /// Names of the elements that matter here (RFC 9559 section 5), with their length marker.
    enum Name {
        static let header: UInt32 = 0x1A45_DFA3
        static let documentType: UInt32 = 0x4282
        static let segment: UInt32 = 0x1853_8067
        static let tracks: UInt32 = 0x1654_AE6B
        static let trackEntry: UInt32 = 0xAE
        static let trackNumber: UInt32 = 0xD7
        static let trackType: UInt32 = 0x83
        static let codecID: UInt32 = 0x86
        static let codecPrivate: UInt32 = 0x63A2
        static let contentEncodings: UInt32 = 0x6D80
        static let cluster: UInt32 = 0x1F43_B675
        static let simpleBlock: UInt32 = 0xA3
        static let blockGroup: UInt32 = 0xA0
        static let block: UInt32 = 0xA1

        /// What may stand directly in a segment: it ends a cluster of open length.
        static let segmentChildren: Set<UInt32> = [
            cluster, tracks, 0x114D_9B74, 0x1549_A966, 0x1C53_BB6B, 0x1254_C367, 0x1043_A770, 0x1941_A469,
        ]
    }

    /// Whether a message begins with the name of an element that writers put where the last one has ended.
    static func mayBeginElement(_ bytes: [UInt8]) -> Bool {
        guard case .value(let value, _, _) = read(bytes, at: 0, maximumLength: 4, keepingMarker: true) else {
            return false
        }
        let name = UInt32(truncatingIfNeeded: value)
        let void: UInt32 = 0xEC
        return [Name.simpleBlock, Name.blockGroup, Name.header, Name.segment, void].contains(name)
            || Name.segmentChildren.contains(name)
    }

    /// The result of reading a variable-size integer.
    enum Reading: Hashable {
        /// More bytes must come.
        case incomplete
        case malformed
        /// - Parameter isUnknown: all value bits are ones, which as a size means that it is open.
        case value(UInt64, length: Int, isUnknown: Bool)
    }

    /// Reads the integer at `offset`, of at most `maximumLength` bytes (8 at most).
    /// - Parameter keepingMarker: element names are written with the bit that marks their length.
    static func read(
        _ bytes: [UInt8], at offset: Int, maximumLength: Int = 8, keepingMarker: Bool = false, end: Int? = nil
    ) -> Reading {
        let end = min(end ?? bytes.count, bytes.count)
        guard offset < end else { return .incomplete }
        let first = bytes[offset]
        let length = first.leadingZeroBitCount + 1
        guard length <= maximumLength else { return .malformed }
        guard offset + length <= end else { return .incomplete }
        let mask = length == 8 ? 0 : UInt8(0xFF) >> UInt8(length)
        var value = UInt64(keepingMarker ? first : first & mask)
        for index in 1..<length { value = value << 8 | UInt64(bytes[offset + index]) }
        let ones = UInt64(1) << UInt64(7 * length) - 1
        let isUnknown = keepingMarker ? false : value == ones
        return .value(value, length: length, isUnknown: isUnknown)
    }

    /// Big-endian bytes as an unsigned integer; nil for more than eight.
    static func unsigned(_ bytes: ArraySlice<UInt8>) -> UInt64? {
        guard bytes.count <= 8 else { return nil }
        return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Whether a message begins with what can only be an EBML header: its name, a size, and the name of one of its
    /// own elements, which all start with 0x42. Opus bytes that look like this are one in a trillion.
    static func startsWithHeader(_ bytes: [UInt8]) -> Bool {
        guard bytes.starts(with: [0x1A, 0x45, 0xDF, 0xA3]),
            case .value(_, let length, false) = read(bytes, at: 4), 4 + length < bytes.count
        else { return false }
        return bytes[4 + length] == 0x42
    }
}
