/// The framing of an Opus packet (RFC 6716 section 3.2), checked against all of its rules R1 to R7 and read without
/// decoding anything.
package struct OpusFrames: Hashable, Sendable {
    /// The first byte: configuration, stereo flag and framing code.
    package let tableOfContents: UInt8
    /// Where the compressed frames lie in the packet; an empty one stands for a frame that was not transmitted.
    package let ranges: [Range<Int>]
    /// Length of each frame in samples at 48 kHz: 120 to 2880.
    package let samplesPerFrame: Int

    /// The most bytes that one frame can have.
    package static let maximumFrameSize = 1275
    /// The longest packet in samples at 48 kHz (120 ms).
    package static let maximumSamples = 5760

    /// Length of the packet in samples at 48 kHz.
    package var sampleCount: Int { ranges.count * samplesPerFrame }

    /// Nil when the bytes are not an Opus packet.
    package init?(bytes packet: [UInt8]) {
        guard let first = packet.first else { return nil }
        tableOfContents = first
        samplesPerFrame = Self.samplesPerFrame(of: first)
        let found: [Range<Int>]?
        switch first & 3 {
        case 0: found = [1..<packet.count]
        case 1: found = Self.equalFrames(from: 1, to: packet.count, count: 2)
        case 2: found = Self.twoFrames(packet)
        default: found = Self.arbitraryFrames(packet, samplesPerFrame: samplesPerFrame)
        }
        guard let found, found.allSatisfy({ $0.count <= Self.maximumFrameSize }),
            found.count * samplesPerFrame <= Self.maximumSamples
        else { return nil }
        ranges = found
    }

    /// The packet as packets of at most `maximumSize` bytes, so that each fits a datagram: itself, or one packet a
    /// frame. Only a single frame can still be larger.
    package static func split(_ packet: [UInt8], maximumSize: Int) -> [ContainedOpusPacket]? {
        guard let frames = OpusFrames(bytes: packet) else { return nil }
        guard packet.count > maximumSize, frames.ranges.count > 1 else {
            return [ContainedOpusPacket(bytes: packet, samples: frames.sampleCount)]
        }
        return frames.ranges.map { range in
            ContainedOpusPacket(
                bytes: [frames.tableOfContents & 0xFC] + packet[range], samples: frames.samplesPerFrame)
        }
    }

    private static func samplesPerFrame(of tableOfContents: UInt8) -> Int {
        let configuration = Int(tableOfContents >> 3)
        switch configuration {
        case 0..<12: return configuration & 3 == 3 ? 2880 : 480 << (configuration & 3)
        case 12..<16: return configuration & 1 == 0 ? 480 : 960
        default: return 120 << (configuration & 3)
        }
    }

    private static func equalFrames(from start: Int, to end: Int, count: Int) -> [Range<Int>]? {
        guard end >= start, (end - start).isMultiple(of: count) else { return nil }
        let size = (end - start) / count
        return (0..<count).map { start + $0 * size..<start + ($0 + 1) * size }
    }

    /// Code 2: the length of the first frame, then both.
    private static func twoFrames(_ packet: [UInt8]) -> [Range<Int>]? {
        guard let (size, start) = frameLength(packet, at: 1), start + size <= packet.count else { return nil }
        return [start..<start + size, start + size..<packet.count]
    }

    /// Code 3: a count, padding, and lengths of all frames but the last unless they are equal.
    private static func arbitraryFrames(_ packet: [UInt8], samplesPerFrame: Int) -> [Range<Int>]? {
        guard packet.count >= 2 else { return nil }
        let count = Int(packet[1] & 0x3F)
        guard count > 0, count * samplesPerFrame <= maximumSamples else { return nil }
        var offset = 2
        var end = packet.count
        if packet[1] & 0x40 != 0 {
            while true {
                guard offset < packet.count else { return nil }
                let padding = Int(packet[offset])
                offset += 1
                end -= padding == 255 ? 254 : padding
                if padding != 255 { break }
            }
            guard end >= offset else { return nil }
        }
        guard packet[1] & 0x80 != 0 else { return equalFrames(from: offset, to: end, count: count) }
        var sizes: [Int] = []
        for _ in 0..<count - 1 {
            guard let (size, next) = frameLength(packet, at: offset) else { return nil }
            sizes.append(size)
            offset = next
        }
        var ranges: [Range<Int>] = []
        for size in sizes {
            guard offset + size <= end else { return nil }
            ranges.append(offset..<offset + size)
            offset += size
        }
        guard offset <= end else { return nil }
        ranges.append(offset..<end)
        return ranges
    }

    /// A length of one or two bytes (section 3.2.1) and the offset behind it.
    private static func frameLength(_ packet: [UInt8], at offset: Int) -> (size: Int, next: Int)? {
        guard offset < packet.count else { return nil }
        let first = Int(packet[offset])
        guard first >= 252 else { return (first, offset + 1) }
        guard offset + 1 < packet.count else { return nil }
        return (Int(packet[offset + 1]) * 4 + first, offset + 2)
    }
}

/// An Opus packet that came in a container.
package struct ContainedOpusPacket: Hashable, Sendable {
    package var bytes: [UInt8]
    /// Its length in samples at 48 kHz.
    package var samples: Int

    package init(bytes: [UInt8], samples: Int) {
        self.bytes = bytes
        self.samples = samples
    }

    /// Packets of a container that are larger leave one frame at a time, because each must fit a datagram. Browsers
    /// put 60 ms into a packet, which at a high bit rate is more than an Ethernet frame holds.
    package static let maximumSize = 1200
}

/// The identification header of an Opus stream (RFC 7845 section 5.1), as Ogg and Matroska carry it.
package struct OpusHead: Hashable, Sendable {
    package let channels: Int

    /// Why the header cannot be used.
    package enum Problem: Error, Hashable, Sendable {
        case malformed
        /// More than two channels, or several streams in one packet.
        case multistream(channels: Int)
    }

    package init(parsing bytes: [UInt8]) throws(Problem) {
        // The upper half of the version byte changes only when older readers can no longer understand the rest.
        guard bytes.count >= 19, bytes.starts(with: Self.signature), bytes[8] >> 4 == 0, bytes[9] > 0 else {
            throw .malformed
        }
        channels = Int(bytes[9])
        let family = bytes[18]
        if family == 0, channels <= 2 { return }
        guard family == 1, channels <= 2, bytes.count > 19, bytes[19] == 1 else {
            throw .multistream(channels: channels)
        }
    }

    /// How the header begins.
    package static let signature = Array("OpusHead".utf8)
}
