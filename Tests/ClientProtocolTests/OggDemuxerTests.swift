import TestSupport
import Testing

@testable import ClientProtocol

@Suite("Ogg")
struct OggDemuxerTests {
    private static let files = ["mono.ogg", "second.ogg"]

    @Test("the packets are those that FFmpeg's demuxer finds", arguments: files)
    func foreignFiles(name: String) throws {
        let expected = try packetList("Containers/\(name).packets")
        #expect(expected.count > 10)
        #expect(try oggPackets(fixture("Containers/\(name)"), pieces: [1 << 20]) == expected)
        #expect(try oggPackets(fixture("Containers/\(name)"), pieces: [1]) == expected)
    }

    @Test("a cut at any place changes nothing", arguments: files)
    func everySplit(name: String) throws {
        let stream = try fixture("Containers/\(name)")
        let expected = try packetList("Containers/\(name).packets")
        var wrong = 0
        for split in 1..<stream.count {
            if try oggPackets(stream, pieces: [split, stream.count]) != expected { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test("packets too large for a datagram leave frame by frame, as libopus would cut them")
    func largePackets() throws {
        let stream = try fixture("Containers/high.ogg")
        let whole = try packetList("Containers/high.ogg.packets")
        #expect(whole.contains { $0.count > ContainedOpusPacket.maximumSize })
        let frames = try packetList("Containers/high.ogg.frames")
        #expect(frames.count == whole.count * 3)
        let result = try oggPackets(stream, pieces: [333])
        #expect(result.allSatisfy { $0.count <= ContainedOpusPacket.maximumSize })
        let all = whole.flatMap { OpusFrames.split($0, maximumSize: 0) ?? [] }
        #expect(all.map(\.bytes) == frames && all.allSatisfy { $0.samples == 960 })
    }

    @Test("chained streams follow each other, with or without the end of the first")
    func chained() throws {
        let first = try fixture("Containers/mono.ogg")
        let second = try fixture("Containers/second.ogg")
        let expected = try packetList("Containers/mono.ogg.packets") + packetList("Containers/second.ogg.packets")
        #expect(try oggPackets(first + second, pieces: [50]) == expected)
        // Without its last page, the first one is only shorter.
        let pages = pages(of: first)
        let cutOff = pages.dropLast().flatMap { $0 }
        let packets = try oggPackets(cutOff + second, pieces: [50])
        #expect(packets.suffix(11) == expected.suffix(11) && packets.count < expected.count)
    }

    @Test("a packet may go on over pages")
    func continued() throws {
        let long: [UInt8] = [0x48] + [UInt8](repeating: 7, count: 799)
        let head = OpusHead.signature + [1, 1, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0]
        let stream =
            page(flags: 2, sequence: 0, lacing: [19], head)
            + page(flags: 0, sequence: 1, lacing: [16], Array("OpusTags".utf8) + [UInt8](repeating: 0, count: 8))
            + page(flags: 0, sequence: 2, lacing: [2, 255, 255], [0x48, 1] + long[..<510])
            + page(flags: 1, sequence: 3, lacing: [255], Array(long[510..<765]))
            + page(flags: 1, sequence: 4, lacing: [35, 0, 2], Array(long[765...]) + [0x48, 2])
        #expect(try oggPackets(stream, pieces: [1]) == [[0x48, 1], long, [0x48, 2]])
        // Without the middle the packet is lost, and only it.
        let pages = pages(of: stream)
        let gap = (pages[0] + pages[1] + pages[2] + pages[4])
        #expect(try oggPackets(gap, pieces: [1]) == [[0x48, 1], [0x48, 2]])
    }

    @Test("tags with a large picture are not kept")
    func largeTags() throws {
        let head = OpusHead.signature + [1, 2, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0]
        let part = [UInt8](repeating: 1, count: 255 * 255)
        var stream = page(flags: 2, sequence: 0, lacing: [19], head)
        stream += page(
            flags: 0, sequence: 1, lacing: [UInt8](repeating: 255, count: 255),
            Array("OpusTags".utf8) + part.dropFirst(8))
        stream += page(flags: 1, sequence: 2, lacing: [UInt8](repeating: 255, count: 255), part)
        stream += page(flags: 1, sequence: 3, lacing: [5, 1], [1, 2, 3, 4, 5, 0x48])
        #expect(try oggPackets(stream, pieces: [1000]) == [[0x48]])
    }

    @Test("every damaged byte is noticed, and no truncation traps")
    func damage() throws {
        let stream = try fixture("Containers/mono.ogg")
        let expected = try packetList("Containers/mono.ogg.packets")
        for length in 0...stream.count {
            let packets = try oggPackets(Array(stream[..<length]), pieces: [64])
            #expect(packets == Array(expected[..<packets.count]))
        }
        for index in stream.indices {
            var damaged = stream
            damaged[index] ^= 0x10
            let packets = try? oggPackets(damaged, pieces: [stream.count])
            // A larger length may also only wait for bytes that never come.
            #expect(packets.map { $0.count < expected.count } ?? true)
        }
    }

    @Test("random pages with right checksums never trap")
    func noise() throws {
        var random = SplitMix64(seed: 8)
        let start = try pages(of: fixture("Containers/mono.ogg"))[..<2].flatMap { $0 }
        for _ in 0..<800 {
            let lacing = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let body = lacing.reduce(0) { $0 + Int($1) }
            let content = (0..<body).map { _ in UInt8.random(in: 0...255, using: &random) }
            let noise = page(
                flags: .random(in: 0...7, using: &random), sequence: .random(in: 0...4, using: &random), lacing: lacing,
                content, serial: Array(start[14..<18]))
            _ = try? oggPackets(start + noise + noise, pieces: [100])
            _ = try? oggPackets(noise, pieces: [7])
        }
    }

    private func failure(_ stream: [UInt8]) -> OggError? {
        do {
            _ = try oggPackets(stream, pieces: [17])
            return nil
        } catch {
            return error as? OggError
        }
    }

    @Test("each breach of the format has its error, and other codecs are named")
    func errors() throws {
        #expect(failure(try fixture("Containers/flac.ogg")) == .noOpusStream(codec: "FLAC"))
        #expect(failure(Array("OggX".utf8)) == .notOgg)
        #expect(failure(Array("OggS".utf8) + [1]) == .unsupportedVersion(1))
        let head = OpusHead.signature + [1, 1, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0]
        let start = page(flags: 2, sequence: 0, lacing: [19], head)
        #expect(failure(start + page(flags: 0, sequence: 1, lacing: [3], [1, 2, 3])) == .missingOpusTags)
        #expect(failure(page(flags: 2, sequence: 0, lacing: [9], OpusHead.signature + [1])) == .malformedOpusHead)
        let surround = OpusHead.signature + [1, 6, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 1, 4, 2, 0, 1, 2, 3, 4, 5]
        #expect(
            failure(page(flags: 2, sequence: 0, lacing: [UInt8(surround.count)], surround)) == .unsupportedChannels(6))
        let tags = page(flags: 0, sequence: 1, lacing: [8], Array("OpusTags".utf8))
        #expect(failure(start + tags + page(flags: 0, sequence: 2, lacing: [1], [0x4B])) == .notOpus)
        #expect(failure(page(flags: 0, sequence: 0, lacing: [1], [0x48])) == .noOpusStream(codec: nil))
        let large = page(
            flags: 0, sequence: 2, lacing: [UInt8](repeating: 255, count: 255), [UInt8](repeating: 0, count: 65025))
        #expect(failure(start + tags + large) == .packetTooLarge)
    }

    // MARK: Pages

    private func pages(of stream: [UInt8]) -> [[UInt8]] {
        var pages: [[UInt8]] = []
        var offset = 0
        while offset < stream.count, let page = try? OggPage(stream, at: offset) {
            pages.append(Array(stream[offset..<offset + page.byteCount]))
            offset += page.byteCount
        }
        return pages
    }

    private func page(
        flags: UInt8, sequence: UInt8, lacing: [UInt8], _ content: some Sequence<UInt8>, serial: [UInt8] = [1, 2, 3, 4]
    ) -> [UInt8] {
        var bytes = Array("OggS".utf8) + [0, flags] + [UInt8](repeating: 0, count: 8) + serial
        bytes += [sequence, 0, 0, 0, 0, 0, 0, 0, UInt8(lacing.count)] + lacing + Array(content)
        // Bit by bit, unlike the product.
        var sum: UInt32 = 0
        for byte in bytes {
            for place in (0..<8).reversed() {
                let carry = sum >> 31 ^ UInt32(byte >> UInt8(place) & 1)
                sum = sum << 1 ^ (carry == 1 ? 0x04C1_1DB7 : 0)
            }
        }
        for place in 0..<4 { bytes[22 + place] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * place)) }
        return bytes
    }
}
