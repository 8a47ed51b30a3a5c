import Testing

@testable import ClientProtocol

@Suite("Longer Opus packets")
struct OpusFramerTests {
    /// A packet of one SILK frame of 20 ms with so many bytes; the configuration may be another one.
    private func packet(_ size: Int, _ fill: UInt8 = 7, toc: UInt8 = 0x48) -> [UInt8] {
        [toc] + [UInt8](repeating: fill, count: size)
    }

    private func run(_ packets: [[UInt8]], milliseconds: Int) -> [[UInt8]] {
        var framer = OpusFramer(milliseconds: milliseconds)
        var out: [[UInt8]] = []
        let take = { (bytes: Span<UInt8>) in out.append(bytes.indices.map { bytes[$0] }) }
        for packet in packets { framer.append(packet, take) }
        framer.flush(take)
        #expect(framer.isEmpty)
        return out
    }

    /// The frames of all packets, one behind the other.
    private func frames(_ packets: [[UInt8]]) -> [[UInt8]] {
        packets.flatMap { packet in OpusFrames(bytes: packet)?.ranges.map { Array(packet[$0]) } ?? [] }
    }

    @Test("packets of 20 ms become packets of the wanted length with all their frames", arguments: [40, 60, 100])
    func lengths(milliseconds: Int) throws {
        let packets = (1...30).map { packet($0 * 40 % 900, UInt8($0)) }
        let out = run(packets, milliseconds: milliseconds)
        #expect(frames(out) == frames(packets))
        for packet in out {
            let parsed = try #require(OpusFrames(bytes: packet))
            #expect(parsed.sampleCount == milliseconds * 48)
        }
    }

    @Test("frames of equal size need no lengths")
    func equalSizes() {
        let out = run([packet(5, 1), packet(5, 2), packet(5, 3)], milliseconds: 60)
        #expect(out == [[0x4B, 3] + [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]])
    }

    @Test("a packet that would be too short is filled up with frames that hold nothing")
    func filledUp() throws {
        var framer = OpusFramer(milliseconds: 60, fillsUp: true)
        var out: [[UInt8]] = []
        let take = { (bytes: Span<UInt8>) in out.append(bytes.indices.map { bytes[$0] }) }
        for packet in [packet(3, 1), packet(2, 2), packet(4, 3, toc: 0xF8)] { framer.append(packet, take) }
        framer.flush(take)
        #expect(out == [[0x4B, 0x83, 3, 2, 1, 1, 1, 2, 2], [0xFB, 0x83, 4, 0, 3, 3, 3, 3]])
        for packet in out { #expect(try #require(OpusFrames(bytes: packet)).sampleCount == 60 * 48) }
    }

    @Test("a change of the coder's mode ends a packet early, and nothing is lost by it")
    func changes() {
        let packets = [packet(9, 1), packet(9, 2, toc: 0xF8), packet(8, 3, toc: 0xF8), packet(7, 4), packet(6, 5)]
        let out = run(packets, milliseconds: 60)
        #expect(frames(out) == frames(packets) && out.count == 3)
    }

    @Test("packets that are as long already, or none at all, pass as they are and in their place")
    func unfit() {
        let long: [UInt8] = [0x58] + [UInt8](repeating: 1, count: 20)  // 60 ms
        let broken: [UInt8] = [0x4B]
        let packets: [[UInt8]] = [packet(4, 1), long, packet(4, 2), broken, packet(4, 3)]
        #expect(run(packets, milliseconds: 60) == packets)
    }

    @Test("no packet becomes larger than a message should be")
    func sizes() {
        let packets = (0..<5).map { packet(1275, UInt8($0)) }
        let out = run(packets, milliseconds: 100)
        #expect(frames(out) == frames(packets))
        #expect(out.allSatisfy { $0.count <= OpusFramer.maximumPacketSize + 16 })
    }
}
