import TestSupport
import Testing

@testable import ClientProtocol

@Suite("WebM and Matroska")
struct WebMDemuxerTests {
    @Test(
        "the packets are those that FFmpeg's demuxer finds",
        arguments: ["live.webm", "seekable.webm", "laced.mka"])
    func foreignFiles(name: String) throws {
        let expected = try packetList("Containers/\(name).packets")
        #expect(expected.count > 10)
        #expect(try webMPackets(fixture("Containers/\(name)"), pieces: [1 << 20]) == expected)
        #expect(try webMPackets(fixture("Containers/\(name)"), pieces: [1]) == expected)
    }

    @Test("a cut at any place changes nothing", arguments: ["live.webm", "seekable.webm", "laced.mka"])
    func everySplit(name: String) throws {
        let stream = try fixture("Containers/\(name)")
        let expected = try packetList("Containers/\(name).packets")
        var wrong = 0
        for split in 1..<stream.count {
            if try webMPackets(stream, pieces: [split, stream.count]) != expected { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test("pieces of random sizes change nothing, with clusters of open length like Chromium's")
    func randomSplits() throws {
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        let expected = try packetList("Containers/live.webm.packets")
        var random = SplitMix64(seed: 3)
        for _ in 0..<50 {
            let sizes = (0..<300).map { _ in Int.random(in: 1...200, using: &random) }
            #expect(try webMPackets(stream, pieces: sizes) == expected)
        }
    }

    @Test("packets come as soon as their block is whole")
    func immediacy() throws {
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        var demuxer = WebMDemuxer()
        var packets: [ContainedOpusPacket] = []
        var growth: [Int] = []
        for piece in cut(stream, [1]) {
            let before = packets.count
            try demuxer.append(piece, to: &packets)
            if packets.count > before { growth.append(demuxer.bufferedByteCount) }
        }
        #expect(growth.count == packets.count && growth.allSatisfy { $0 == 0 })
        #expect(packets.allSatisfy { $0.samples == 2880 })
    }

    @Test("a new EBML header starts a new stream, after a whole one and inside an open one")
    func newStream() throws {
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        let sized = try fixture("Containers/seekable.webm")
        let expected = try packetList("Containers/live.webm.packets")
        let expectedSized = try packetList("Containers/seekable.webm.packets")
        #expect(try webMPackets(stream + stream, pieces: [7]) == expected + expected)
        #expect(try webMPackets(sized + stream + sized, pieces: [100]) == expectedSized + expected + expectedSized)
    }

    @Test("no truncation and no changed byte traps, and what comes is no more than was there")
    func damage() throws {
        for name in ["live.webm", "seekable.webm", "laced.mka"] {
            let stream = try fixture("Containers/\(name)")
            let expected = try packetList("Containers/\(name).packets")
            for length in stride(from: 0, through: stream.count, by: 3) {
                let packets = try webMPackets(Array(stream[..<length]), pieces: [64])
                #expect(packets == Array(expected[..<packets.count]))
            }
            var random = SplitMix64(seed: 11)
            for _ in 0..<700 {
                var damaged = stream
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    damaged[Int.random(in: damaged.indices, using: &random)] = .random(in: 0...255, using: &random)
                }
                _ = try? webMPackets(damaged, pieces: [500])
            }
        }
    }

    @Test("random bytes behind a header never trap")
    func noise() throws {
        var random = SplitMix64(seed: 5)
        for _ in 0..<800 {
            let noise = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = try? webMPackets(noise, pieces: [13])
            _ = try? webMPackets(webM(cluster: noise), pieces: [13])
            _ = try? webMPackets(webM(cluster: simpleBlock(flags: noise[0], noise)), pieces: [50])
        }
    }

    /// Two packets of 20 ms of SILK with 3 and 4 bytes, and one with 2.
    private let first: [UInt8] = [0x48, 1, 2]
    private let second: [UInt8] = [0x48, 3, 4, 5]
    private let third: [UInt8] = [0x48, 9]

    @Test("every kind of lacing is undone")
    func lacing() throws {
        let xiph = simpleBlock(flags: 0x82, [2, 3, 4] + first + second + third)
        #expect(try webMPackets(webM(cluster: xiph), pieces: [9]) == [first, second, third])
        let fixed = simpleBlock(flags: 0x84, [1] + second + second)
        #expect(try webMPackets(webM(cluster: fixed), pieces: [9]) == [second, second])
        // A size of 3, then a difference of +1, which is written as 64.
        let ebml = simpleBlock(flags: 0x86, [2, 0x83, 0xC0] + first + second + third)
        #expect(try webMPackets(webM(cluster: ebml), pieces: [9]) == [first, second, third])
        let down = simpleBlock(flags: 0x86, [2, 0x84, 0xBE] + second + first + third)
        #expect(try webMPackets(webM(cluster: down), pieces: [9]) == [second, first, third])
    }

    @Test("Xiph sizes beyond 254 are sums")
    func xiphSums() throws {
        let long: [UInt8] = [0x48] + [UInt8](repeating: 7, count: 599)
        let block = simpleBlock(flags: 0x82, [1, 255, 255, 90] + long + third)
        #expect(try webMPackets(webM(cluster: block), pieces: [100]) == [long, third])
    }

    @Test("block groups hold blocks, among other elements that are passed over")
    func blockGroup() throws {
        let block = element([0xA1], [0x81, 0, 0, 0] + first)
        let group = element([0xA0], element([0x9B], [20]) + block + element([0x75, 0xA2], [0]))
        #expect(try webMPackets(webM(cluster: element([0xE7], [0]) + group), pieces: [5]) == [first])
    }

    @Test("blocks of other tracks are passed over, however large")
    func otherTracks() throws {
        let video = element([0xA3], [0x82, 0, 0, 0x80] + [UInt8](repeating: 1, count: 300_000))
        var demuxer = WebMDemuxer()
        var packets: [ContainedOpusPacket] = []
        var largest = 0
        for piece in cut(webM(cluster: video + simpleBlock(first)), [4000]) {
            try demuxer.append(piece, to: &packets)
            largest = max(largest, demuxer.bufferedByteCount)
        }
        #expect(packets.map(\.bytes) == [first])
        #expect(largest < 4100)
    }

    @Test("empty frames are left out")
    func emptyFrame() throws {
        #expect(try webMPackets(webM(cluster: simpleBlock([]) + simpleBlock(first)), pieces: [50]) == [first])
    }

    private func failure(_ stream: [UInt8]) -> WebMError? {
        do {
            _ = try webMPackets(stream, pieces: [17])
            return nil
        } catch {
            return error as? WebMError
        }
    }

    @Test("what is not Opus in WebM is named")
    func otherCodecs() throws {
        #expect(failure(try fixture("Containers/flac.mka")) == .noOpusTrack(codec: "A_FLAC"))
        #expect(failure(webM(codec: "A_VORBIS", cluster: [])) == .noOpusTrack(codec: "A_VORBIS"))
        #expect(failure(webM(documentType: "shapes", cluster: [])) == .unsupportedDocumentType("shapes"))
        #expect(failure(webM(extra: element([0x6D, 0x80], [0]), cluster: [])) == .encodedTrack)
        let surround = OpusHead.signature + [1, 6, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 1, 4, 2, 0, 1, 2, 3, 4, 5]
        #expect(failure(webM(extra: element([0x63, 0xA2], surround), cluster: [])) == .unsupportedChannels(6))
        let words = WebMError.noOpusTrack(codec: "A_VORBIS").description
        #expect(words.contains("A_VORBIS") && WebMError.noOpusTrack(codec: nil).isUnsupportedKind)
    }

    @Test("each breach of the format has its error")
    func breaches() throws {
        #expect(failure(Array("RIFF".utf8)) == .notEBML)
        #expect(failure([0x1A, 0x46]) == .notEBML)
        #expect(failure(webM(cluster: [0x00])) == .malformedElement)
        #expect(failure(webM(cluster: simpleBlock([0x4B]))) == .notOpus)
        #expect(failure(webM(cluster: element([0xA3], [0x81, 0, 0]))) == .malformedBlock)
        #expect(failure(webM(cluster: simpleBlock(flags: 0x84, [1, 1, 2, 3]))) == .malformedBlock)
        #expect(failure(webM(cluster: simpleBlock(flags: 0x82, [3, 255]))) == .malformedBlock)
        #expect(failure(webM(cluster: simpleBlock(flags: 0x86, [2, 0x81, 0x80, 1]))) == .malformedBlock)
        #expect(failure(webM(cluster: [0xA3, 0x85, 0x81])) == .beyondParent(element: 0xA3))
        #expect(failure(webM(cluster: [0xA3, 0xFF])) == .unknownSize(element: 0xA3))
        let huge = element([0xA3], [0x81, 0, 0, 0x80] + [UInt8](repeating: 1, count: WebMDemuxer.maximumBlockSize))
        #expect(failure(webM(cluster: huge)) == .tooLarge(element: 0xA3))
        #expect(
            failure(webM(extra: element([0x63, 0xA2], [UInt8](repeating: 0, count: 5000)), cluster: []))
                == .tooLarge(element: 0x63A2))
        #expect(failure(webM(extra: element([0x63, 0xA2], [1, 2]), cluster: [])) == .malformedOpusHead)
    }

    @Test("after an error everything is refused with the same one")
    func errorStays() {
        var demuxer = WebMDemuxer()
        var packets: [ContainedOpusPacket] = []
        #expect(throws: WebMError.notEBML) { try demuxer.append([1], to: &packets) }
        #expect(throws: WebMError.notEBML) {
            try demuxer.append(webM(cluster: simpleBlock([0x48])), to: &packets)
        }
        #expect(packets.isEmpty && demuxer.bufferedByteCount == 0)
    }
}
