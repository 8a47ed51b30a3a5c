import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("RTP")
struct RTPTests {
    /// Opus from libwebrtc: extension with level and section id, payload 78 01.
    static let packet: [UInt8] = [
        0x90, 0xEF, 0x12, 0x34, 0x00, 0x01, 0x00, 0x02, 0xCA, 0xFE, 0xBA, 0xBE, 0xBE, 0xDE, 0x00, 0x01, 0x10, 0xA5,
        0x40, 0x30, 0x78, 0x01,
    ]

    private func parse(_ packet: [UInt8]) -> RTPHeader? { RTPHeader(packet.span.bytes) }

    private func payload(_ header: RTPHeader, _ packet: [UInt8]) -> [UInt8] {
        [UInt8](copying: header.payload(of: packet.span.bytes))
    }

    private func element(_ id: UInt8, _ header: RTPHeader, _ packet: [UInt8]) -> [UInt8]? {
        guard let element = header.element(id, of: packet.span.bytes) else { return nil }
        return [UInt8](copying: element)
    }

    private func opusPacket(_ bytes: [UInt8]) -> OpusPacket? { OpusPacket(bytes.span.bytes) }

    @Test("a packet with one-byte extensions is taken apart")
    func parse() throws {
        let header = try #require(parse(Self.packet))
        #expect(header.marker)
        #expect(header.payloadType == 111)
        #expect(header.sequenceNumber == 0x1234)
        #expect(header.timestamp == 0x0001_0002)
        #expect(header.ssrc == 0xCAFE_BABE)
        #expect(payload(header, Self.packet) == [0x78, 0x01])
        let level = try #require(element(1, header, Self.packet).map { AudioLevel(byte: $0[0]) })
        #expect(level.negatedDecibels == 0x25)
        #expect(level.hasVoice)
        #expect(element(4, header, Self.packet) == [0x30])
        #expect(element(5, header, Self.packet) == nil)
    }

    @Test("contributing sources and padding are passed over")
    func padding() throws {
        let bytes: [UInt8] = [0xA1, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0xAA, 0xBB, 0, 0, 3]
        let header = try #require(parse(bytes))
        #expect(header.contributingSourceCount == 1)
        #expect(payload(header, bytes) == [0xAA, 0xBB])
        var tooMuch = bytes
        tooMuch[20] = 6
        #expect(parse(tooMuch) == nil)
        tooMuch[20] = 0
        #expect(parse(tooMuch) == nil)
    }

    @Test("two-byte extensions are read as well")
    func twoByteForm() throws {
        let bytes: [UInt8] = [0x90, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0, 0, 2, 1, 1, 0x7F, 0, 20, 2, 5, 6]
        let header = try #require(parse(bytes))
        #expect(element(1, header, bytes) == [0x7F])
        #expect(element(20, header, bytes) == [5, 6])
    }

    @Test("what is written is what libwebrtc writes")
    func write() {
        var buffer = [UInt8](repeating: 0, count: 64)
        let writer = RTPPacketWriter(
            marker: true, payloadType: 111, sequenceNumber: 0x1234, timestamp: 0x0001_0002, ssrc: 0xCAFE_BABE)
        let payload: [UInt8] = [0x78, 0x01]
        let length = buffer.withMutableBytes {
            writer.write(
                into: &$0, payload: payload.span.bytes,
                audioLevel: (1, AudioLevel(negatedDecibels: 0x25, hasVoice: true)), mid: (4, [0x30]))
        }
        #expect(length == Self.packet.count)
        #expect(Array(buffer[..<(length ?? 0)]) == Self.packet)
        var small = [UInt8](repeating: 0, count: 20)
        let refused = small.withMutableBytes {
            writer.write(into: &$0, payload: payload.span.bytes, mid: (4, [0x30]))
        }
        #expect(refused == nil)
    }

    @Test("no truncation traps")
    func truncation() {
        for length in 0..<Self.packet.count {
            let bytes = Array(Self.packet[..<length])
            guard let header = parse(bytes) else { continue }
            _ = payload(header, bytes)
            for id in UInt8(0)...15 { _ = element(id, header, bytes) }
        }
    }

    @Test("random bytes do not trap")
    func randomBytes() {
        var random = SplitMix64(seed: 3)
        for _ in 0..<5000 {
            var bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if !bytes.isEmpty { bytes[0] = 0x80 | bytes[0] & 0x3F }
            if let header = parse(bytes) {
                _ = payload(header, bytes)
                for id in UInt8(0)...15 { _ = element(id, header, bytes) }
            }
            if let red = REDPayload(bytes.span.bytes) {
                _ = red.primary.bytes.byteCount
                for index in -1...red.redundantCount { _ = red.redundant(index) }
            }
            _ = OpusPacket(bytes.span.bytes)
        }
    }

    @Test("sequence numbers unwrap in both directions around zero")
    func unwrap() {
        var unwrapper = SequenceUnwrapper()
        #expect(unwrapper.unwrap(65_534) == 65_534)
        #expect(unwrapper.unwrap(1) == 65_537)
        #expect(unwrapper.unwrap(65_535) == 65_535)
        #expect(unwrapper.highest == 65_537)
    }

    @Test("redundant audio is split into its frames")
    func red() {
        // Two redundant frames, 1920 and 960 samples old, then the primary.
        let payload: [UInt8] = [
            0x80 | 111, 0x1E, 0x00, 0x02, 0x80 | 111, 0x0F, 0x00, 0x03, 111, 1, 2, 3, 4, 5, 6, 7,
        ]
        var offsets: [UInt32] = []
        var frames: [[UInt8]] = []
        if let red = REDPayload(payload.span.bytes) {
            for index in 0..<red.redundantCount {
                guard let block = red.redundant(index) else { continue }
                offsets.append(block.timestampOffset)
                frames.append([UInt8](copying: block.bytes))
            }
            frames.append([UInt8](copying: red.primary.bytes))
            let primaryType = red.primary.payloadType
            #expect(primaryType == 111)
        }
        #expect(offsets == [1920, 960])
        #expect(frames == [[1, 2], [3, 4, 5], [6, 7]])
        for length in 0..<13 {
            let cut = Array(payload[..<length])
            let isRefused = REDPayload(cut.span.bytes) == nil
            #expect(isRefused)
        }
    }

    @Test(
        "an Opus table of contents tells mode and length",
        arguments: [
            ([0x08, 0] as [UInt8], OpusPacket.Mode.silk, 1, 960), ([0x18, 0], .silk, 1, 2880),
            ([0x78, 1], .hybrid, 1, 960),
            ([0xFC, 0], .celt, 1, 960), ([0x80, 0], .celt, 1, 120), ([0xFD, 1, 2, 3, 4], .celt, 2, 960),
            ([0xFF, 0x03, 1, 2, 3], .celt, 3, 960),
        ])
    func opus(bytes: [UInt8], mode: OpusPacket.Mode, frames: Int, samples: Int) throws {
        let packet = try #require(opusPacket(bytes))
        #expect(packet.mode == mode)
        #expect(packet.frameCount == frames)
        #expect(packet.samplesPerFrame == samples)
    }

    @Test(
        "impossible Opus packets are refused",
        arguments: [[], [0xFB], [0xFB, 0], [0xFB, 0x3F], [0x1B, 3]] as [[UInt8]])
    func impossibleOpus(bytes: [UInt8]) {
        #expect(opusPacket(bytes) == nil)
    }

    @Test("a packet of one or two bytes is silence, and the redundancy bit of SILK is seen")
    func opusFlags() throws {
        let silent: [UInt8] = [0x08]
        #expect(try #require(opusPacket(silent)).isDiscontinuous)
        let plain: [UInt8] = [0x08, 0x80, 1, 2]
        let redundant: [UInt8] = [0x08, 0xC0, 1, 2]
        #expect(try #require(opusPacket(plain)).hasRedundancy == false)
        #expect(try #require(opusPacket(redundant)).hasRedundancy)
        #expect(try #require(opusPacket(redundant)).isDiscontinuous == false)
    }

    @Test(
        "the voice flags of SILK are seen, and CELT has none",
        arguments: [
            ([0x08, 0x80, 1, 2] as [UInt8], true as Bool?, false), ([0x08, 0x40, 1, 2], false, true),
            // Three times 20 ms: one flag each, then the redundancy.
            ([0x18, 0x20, 1, 2], true, false), ([0x18, 0x10, 1, 2], false, true),
            // Stereo: the side's flags follow those of the middle.
            ([0x0C, 0x20, 1, 2], true, false), ([0x0C, 0x10, 1, 2], false, true), ([0x0C, 0x0F, 1, 2], false, false),
            ([0x1C, 0x02, 1, 2], true, false), ([0xFC, 0x80, 1, 2], nil, false),
        ])
    func voiceFlags(bytes: [UInt8], hasVoice: Bool?, hasRedundancy: Bool) throws {
        let packet = try #require(opusPacket(bytes))
        #expect(packet.hasVoice == hasVoice)
        #expect(packet.hasRedundancy == hasRedundancy)
    }
}
