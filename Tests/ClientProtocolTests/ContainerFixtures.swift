@testable import ClientProtocol

/// Packets as the fixtures hold them: a length of two bytes before each.
func packetList(_ path: String) throws -> [[UInt8]] {
    let bytes = try fixture(path)
    var packets: [[UInt8]] = []
    var offset = 0
    while offset + 2 <= bytes.count {
        let size = Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
        packets.append(Array(bytes[offset + 2..<offset + 2 + size]))
        offset += 2 + size
    }
    return packets
}

/// All packets of a WebM stream that comes in pieces of the given sizes, the last one repeated.
func webMPackets(_ stream: [UInt8], pieces: [Int]) throws -> [[UInt8]] {
    var demuxer = WebMDemuxer()
    var packets: [ContainedOpusPacket] = []
    for piece in cut(stream, pieces) { try demuxer.append(piece, to: &packets) }
    return packets.map(\.bytes)
}

/// As `webMPackets`, for Ogg.
func oggPackets(_ stream: [UInt8], pieces: [Int]) throws -> [[UInt8]] {
    var demuxer = OggDemuxer()
    var packets: [ContainedOpusPacket] = []
    for piece in cut(stream, pieces) { try demuxer.append(piece, to: &packets) }
    return packets.map(\.bytes)
}

/// Cuts bytes into pieces of these sizes; the last size goes on to the end.
func cut(_ bytes: [UInt8], _ sizes: [Int]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var offset = 0
    while offset < bytes.count {
        let size = max(1, pieces.count < sizes.count ? sizes[pieces.count] : sizes.last ?? bytes.count)
        let end = min(bytes.count, offset + size)
        pieces.append(Array(bytes[offset..<end]))
        offset = end
    }
    return pieces
}

/// The stream with every cluster's length left open, as Chromium's muxer writes it.
func withOpenClusters(_ stream: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var offset = 0
    while offset < stream.count {
        guard stream[offset...].starts(with: [0x1F, 0x43, 0xB6, 0x75]), offset + 4 < stream.count else {
            result.append(stream[offset])
            offset += 1
            continue
        }
        result += [0x1F, 0x43, 0xB6, 0x75, 0x01] + [UInt8](repeating: 0xFF, count: 7)
        offset += 5 + stream[offset + 4].leadingZeroBitCount
    }
    return result
}

/// An EBML element with its length.
func element(_ name: [UInt8], _ content: [UInt8]) -> [UInt8] {
    name + [0x10 | UInt8(content.count >> 24), UInt8(content.count >> 16 & 0xFF)]
        + [UInt8(content.count >> 8 & 0xFF), UInt8(content.count & 0xFF)] + content
}

/// A whole WebM stream of one Opus track whose clusters have this content.
func webM(
    documentType: String = "webm", codec: String = "A_OPUS", extra: [UInt8] = [], cluster: [UInt8]
) -> [UInt8] {
    let entry = element([0xD7], [1]) + element([0x83], [2]) + element([0x86], Array(codec.utf8)) + extra
    let tracks = element([0x16, 0x54, 0xAE, 0x6B], element([0xAE], entry))
    let segment = tracks + element([0x1F, 0x43, 0xB6, 0x75], cluster)
    return element([0x1A, 0x45, 0xDF, 0xA3], element([0x42, 0x82], Array(documentType.utf8)))
        + [0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF] + segment
}

/// A SimpleBlock of track 1 with these flags and content.
func simpleBlock(flags: UInt8 = 0x80, _ content: [UInt8]) -> [UInt8] { element([0xA3], [0x81, 0, 0, flags] + content) }
