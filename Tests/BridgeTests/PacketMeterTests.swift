import AudioCodec
import Bridge
import ClientProtocol
import LoadGenerator
import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("How loud the client's Opus packets are")
struct PacketMeterTests {
    enum Sender: CaseIterable {
        /// As telephones and SDKs send: SILK, of variable rate.
        case speech
        /// As a browser's recorder sends: CELT, of variable rate.
        case recorder
        /// CELT, all packets of one length: nothing outside tells anything.
        case constant
    }

    /// Twelve seconds of speech with pauses of digital silence or noise, without DTX.
    private func packets(of sender: Sender, silence: Double) throws -> [(bytes: [UInt8], isWord: Bool)] {
        var configuration = OpusEncoder.Configuration()
        configuration.usesDTX = false
        let rate = sender == .speech ? 16_000 : 48_000
        if sender != .speech {
            configuration.application = .audio
            configuration.bitrate = 64_000
        }
        let encoder = try OpusEncoder(sampleRate: rate, channels: 1, configuration: configuration)
        var scratch = [UInt8](repeating: 0, count: OpusEncoder.maximumPacketLength)
        return try LoadSpeech.samples().map { frame in
            let isWord = SoundLevel.rootMeanSquare(frame.span) > LoadSpeech.loudness
            // The pauses have a noise of 8.
            let samples = isWord ? frame : frame.map { Int16(Double($0) * silence / 8) }
            let pcm = (0..<samples.count * rate / 16_000).map { samples[$0 * 16_000 / rate] }
            var room = scratch.mutableSpan
            let length = try encoder.encode(pcm.span, into: &room)
            let bytes = Array(scratch[..<length])
            return (sender == .constant ? padded(bytes, to: 400) : bytes, isWord)
        }
    }

    /// The packet with padding (RFC 6716 section 3.2.5): one frame, of so many bytes in all.
    private func padded(_ packet: [UInt8], to length: Int) -> [UInt8] {
        var padding = length - packet.count - 3
        var lengths: [UInt8] = []
        while padding > 254 {
            lengths.append(255)
            padding -= 255
        }
        lengths.append(UInt8(max(0, padding)))
        let bytes = [packet[0] | 3, 0x41] + lengths + packet.dropFirst()
        return bytes + [UInt8](repeating: 0, count: max(0, length - bytes.count))
    }

    private func loudness(_ meter: PacketMeter, _ bytes: [UInt8], isExact: Bool = false) -> Int? {
        OpusPacket(bytes.span.bytes).flatMap { meter.loudness(of: bytes.span.bytes, $0, isExact: isExact) }
    }

    @Test(
        "pauses and words are recognised though most packets are not decoded", arguments: Sender.allCases,
        [0, 8] as [Double])
    func recognition(sender: Sender, silence: Double) throws {
        let coders = CountingCoders()
        let meter = PacketMeter(coders: coders)
        var detector = SpeechDetector()
        var (run, wasWord, count) = (0, false, 0)
        var wrong: [String] = []
        let packets = try packets(of: sender, silence: silence)
        for (number, packet) in (packets + packets).enumerated() {
            let found = try #require(loudness(meter, packet.bytes))
            detector.note(rootMeanSquare: found, samples: 960, now: .zero + .milliseconds(number * 20))
            run = packet.isWord == wasWord ? run + 1 : 0
            wasWord = packet.isWord
            count += 1
            // After 300 ms it is certain.
            if run >= 15, (detector.silentRun == 0) != packet.isWord { wrong.append("\(number): \(found), \(run)") }
        }
        #expect(wrong == [])
        #expect(coders.decoded < count * 2 / 5)
    }

    @Test("where a guess will not do each packet is decoded")
    func exact() throws {
        let coders = CountingCoders()
        let meter = PacketMeter(coders: coders)
        for packet in try packets(of: .speech, silence: 8) { _ = loudness(meter, packet.bytes, isExact: true) }
        #expect(coders.decoded == 600)
    }

    @Test("DTX is silence without decoding, and what follows is decoded")
    func discontinuous() throws {
        let coders = CountingCoders()
        let meter = PacketMeter(coders: coders)
        let words = try packets(of: .speech, silence: 8)[40...].prefix(20).map(\.bytes)
        for word in words { _ = loudness(meter, word) }
        let before = coders.decoded
        for _ in 0..<50 { #expect(loudness(meter, [0x48]) == 0) }
        #expect(coders.decoded == before)
        #expect(loudness(meter, words[10]) ?? 0 > 500)
        #expect(coders.decoded == before + 1)
    }

    @Test("a packet that cannot be decoded has no loudness, and is no guess for others")
    func undecodable() throws {
        let coders = CountingCoders()
        let meter = PacketMeter(coders: coders)
        // Two frames of a length that is not there.
        let broken: [UInt8] = [0x4A, 200, 1, 2, 3]
        #expect(loudness(meter, broken) == nil)
        #expect(loudness(meter, broken) == nil)
        #expect(coders.decoded == 2)
    }
}
