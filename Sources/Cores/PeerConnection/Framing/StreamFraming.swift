internal import Wire

/// How datagrams follow one another in a byte stream.
package enum StreamFraming: Hashable, Sendable {
    /// Two bytes of length before each (RFC 4571, as ICE over TCP has it).
    case lengthPrefixed
    /// STUN messages and channel data say their own length; channel data is padded to a multiple of four (RFC 8656,
    /// section 12.5).
    case turn

    /// Bytes from which the length can be told.
    var headerLength: Int { self == .lengthPrefixed ? 2 : 4 }

    /// Bytes of the largest frame.
    package static let maximumFrameLength = 65_535 + STUNMessage.headerLength

    /// Where in a frame its datagram lies, and how long the frame is; nil when no frame begins like this.
    func layout(_ header: RawSpan) -> (datagram: Range<Int>, length: Int)? {
        let first = Int(header[0]) << 8 | Int(header[1])
        guard self == .turn else { return (2..<2 + first, 2 + first) }
        let length = Int(header[2]) << 8 | Int(header[3])
        switch header[0] >> 6 {
        case 0: return (0..<STUNMessage.headerLength + length, STUNMessage.headerLength + length)
        case 1: return (0..<4 + length, (4 + length + 3) & ~3)
        default: return nil
        }
    }

    /// Appends a datagram as a frame; false when it is too long for one.
    package func append(_ datagram: RawSpan, to frame: inout [UInt8]) -> Bool {
        guard datagram.byteCount <= 65_535 else { return false }
        if self == .lengthPrefixed {
            frame.append(UInt8(truncatingIfNeeded: datagram.byteCount >> 8))
            frame.append(UInt8(truncatingIfNeeded: datagram.byteCount))
        }
        for index in 0..<datagram.byteCount { frame.append(datagram[index]) }
        if self == .turn { while !frame.count.isMultiple(of: 4) { frame.append(0) } }
        return true
    }
}

/// Takes datagrams out of a byte stream, whatever pieces it comes in. A datagram that lies whole in a piece stays where it
/// is; only what is cut in two is copied.
package struct StreamDatagrams: ~Copyable {
    /// A whole datagram.
    package enum Piece: Hashable {
        /// Within the bytes that were passed in.
        case range(Range<Int>)
        /// Put together from several pieces.
        case whole([UInt8])
        /// No frame begins like this: nothing that follows can be understood.
        case invalid
    }

    private let framing: StreamFraming
    /// The beginning of a frame whose end has not come.
    private var beginning: [UInt8] = []

    package init(_ framing: StreamFraming) { self.framing = framing }

    /// The next datagram of `bytes` from `offset`, which moves on; nil when the rest waits for what follows.
    package mutating func next(_ bytes: RawSpan, at offset: inout Int) -> Piece? {
        guard offset < bytes.byteCount else { return nil }
        guard !beginning.isEmpty else { return nextInPlace(bytes, at: &offset) }
        guard take(framing.headerLength, of: bytes, at: &offset) else { return nil }
        guard let layout = framing.layout(beginning.span.bytes) else { return .invalid }
        guard take(layout.length, of: bytes, at: &offset) else { return nil }
        let datagram = [UInt8](beginning[layout.datagram])
        beginning.removeAll(keepingCapacity: true)
        return .whole(datagram)
    }

    private mutating func nextInPlace(_ bytes: RawSpan, at offset: inout Int) -> Piece? {
        let rest = bytes.byteCount - offset
        if rest >= framing.headerLength {
            guard let layout = framing.layout(bytes.extracting(offset..<bytes.byteCount)) else { return .invalid }
            if rest >= layout.length {
                defer { offset += layout.length }
                return .range(offset + layout.datagram.lowerBound..<offset + layout.datagram.upperBound)
            }
        }
        beginning.append(contentsOf: [UInt8](copying: bytes.extracting(offset..<bytes.byteCount)))
        offset = bytes.byteCount
        return nil
    }

    /// Fills the beginning up to `count` bytes; false when there are not so many.
    private mutating func take(_ count: Int, of bytes: RawSpan, at offset: inout Int) -> Bool {
        let missing = max(0, count - beginning.count)
        let taken = min(missing, bytes.byteCount - offset)
        beginning.append(contentsOf: [UInt8](copying: bytes.extracting(offset..<offset + taken)))
        offset += taken
        return taken == missing
    }
}
