import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("Datagrams in byte streams")
struct StreamFramingTests {
    /// What a reader makes of a stream that comes in pieces of a size.
    private func read(_ stream: [UInt8], _ framing: StreamFraming, by size: Int) -> [[UInt8]]? {
        var datagrams = StreamDatagrams(framing)
        var found: [[UInt8]] = []
        for start in stride(from: 0, to: stream.count, by: size) {
            let piece = Array(stream[start..<min(start + size, stream.count)])
            var offset = 0
            while let next = datagrams.next(piece.span.bytes, at: &offset) {
                switch next {
                case .range(let range): found.append(Array(piece[range]))
                case .whole(let datagram): found.append(datagram)
                case .invalid: return nil
                }
            }
        }
        return found
    }

    private func frames(_ datagrams: [[UInt8]], _ framing: StreamFraming) -> [UInt8] {
        var stream: [UInt8] = []
        for datagram in datagrams {
            let fits = framing.append(datagram.span.bytes, to: &stream)
            #expect(fits)
        }
        return stream
    }

    /// A STUN message without attributes, channel data of 5 bytes with its padding, and again.
    private static let turn: [[UInt8]] = [
        [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 7, count: 12), [0x40, 0, 0, 5, 1, 2, 3, 4, 5],
        [0, 1, 0, 4, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 8, count: 16), [0x7F, 0xFF, 0, 0],
    ]

    @Test("datagrams come out as they went in, however the stream is cut", arguments: [1, 2, 3, 5, 7, 64, 5000])
    func pieces(size: Int) {
        let plain: [[UInt8]] = [[1], [2, 3], [], [UInt8](repeating: 9, count: 1400), [4, 5, 6]]
        #expect(read(frames(plain, .lengthPrefixed), .lengthPrefixed, by: size) == plain)
        #expect(read(frames(Self.turn, .turn), .turn, by: size) == Self.turn)
    }

    @Test("the length stands before a datagram in network order, as RFC 4571 has it")
    func bytes() {
        #expect(frames([[0xAA, 0xBB, 0xCC]], .lengthPrefixed) == [0, 3, 0xAA, 0xBB, 0xCC])
        #expect(frames([[UInt8](repeating: 1, count: 258)], .lengthPrefixed).prefix(2) == [1, 2])
    }

    @Test("a datagram that fits no frame is refused")
    func tooLong() {
        var frame: [UInt8] = []
        let fits = StreamFraming.lengthPrefixed.append([UInt8](repeating: 0, count: 65_536).span.bytes, to: &frame)
        #expect(!fits && frame.isEmpty)
    }

    @Test("a TURN stream that goes on as no frame does is told", arguments: [1, 100])
    func invalid(size: Int) {
        #expect(read(Self.turn[0] + [0x80, 0, 0, 0], .turn, by: size) == nil)
    }
}
