import AudioCodec
import TestSupport
import Testing
import Wire

@Suite("Opus")
struct OpusTests {
    struct Format: Sendable, CustomTestStringConvertible {
        let sampleRate: Int
        let channels: Int
        var testDescription: String { "\(sampleRate) Hz, \(channels) channels" }
    }

    static let formats = [8000, 12000, 16000, 24000, 48000].flatMap { rate in
        [1, 2].map { Format(sampleRate: rate, channels: $0) }
    }

    static func encode(_ encoder: OpusEncoder, _ pcm: [Int16]) throws -> [UInt8] {
        var packet = [UInt8](repeating: 0, count: OpusEncoder.maximumPacketLength)
        var room = packet.mutableSpan
        let length = try encoder.encode(pcm.span, into: &room)
        return [UInt8](packet[..<length])
    }

    static func decode(_ decoder: OpusDecoder, _ packet: [UInt8]) throws -> [Int16] {
        var pcm = [Int16](repeating: 0, count: decoder.maximumSamples * decoder.channels)
        var room = pcm.mutableSpan
        let samples = try decoder.decode(packet.span.bytes, into: &room)
        return [Int16](pcm[..<(samples * decoder.channels)])
    }

    @Test("a tone comes out with its frequency and level", arguments: formats)
    func tone(format: Format) throws {
        let encoder = try OpusEncoder(sampleRate: format.sampleRate, channels: format.channels)
        let decoder = try OpusDecoder(sampleRate: format.sampleRate, channels: 1)
        var source = ToneSource(frequency: 500, sampleRate: format.sampleRate)
        var heard: [Int16] = []
        for _ in 0..<50 {
            let frame = source.next(format.sampleRate / 50, channels: format.channels)
            heard += try Self.decode(decoder, try Self.encode(encoder, frame))
        }
        #expect(heard.count == format.sampleRate)
        let steady = heard.suffix(format.sampleRate / 2)
        let detector = ToneDetector(sampleRate: format.sampleRate)
        let amplitude = detector.amplitude(of: 500, in: steady)
        #expect(amplitude > 7000 && amplitude < 13_000, "amplitude \(amplitude)")
        #expect(detector.purity(of: 500, in: steady) > 0.9)
        #expect(detector.amplitude(of: 900, in: steady) < 500)
    }

    @Test("packets of one rate can be decoded at another")
    func otherRate() throws {
        let encoder = try OpusEncoder(sampleRate: 16_000, channels: 1)
        let decoder = try OpusDecoder(sampleRate: 48_000, channels: 2)
        var source = ToneSource(frequency: 500, sampleRate: 16_000)
        var heard: [Int16] = []
        for _ in 0..<25 { heard += try Self.decode(decoder, try Self.encode(encoder, source.next(320))) }
        #expect(heard.count == 25 * 960 * 2)
        let left = stride(from: heard.count / 2, to: heard.count, by: 2).map { heard[$0] }
        #expect(ToneDetector(sampleRate: 48_000).purity(of: 500, in: left) > 0.9)
    }

    @Test("every frame length that Opus allows is encoded", arguments: [120, 240, 480, 960, 1920, 2880])
    func frameLengths(samples: Int) throws {
        let encoder = try OpusEncoder(sampleRate: 48_000, channels: 1)
        let decoder = try OpusDecoder(sampleRate: 48_000, channels: 1)
        var source = ToneSource(frequency: 500, sampleRate: 48_000)
        #expect(try Self.decode(decoder, try Self.encode(encoder, source.next(samples))).count == samples)
    }

    @Test("a lost packet is recovered from the next one better than it can be guessed")
    func forwardErrorCorrection() throws {
        var configuration = OpusEncoder.Configuration()
        configuration.bitrate = 32_000
        configuration.expectedPacketLoss = 30
        let encoder = try OpusEncoder(sampleRate: 16_000, channels: 1, configuration: configuration)
        // A tone that changes exactly in the lost packet: concealment can only prolong what was before.
        let frequencies = Array(repeating: 300.0, count: 20) + Array(repeating: 700.0, count: 3)
        var packets: [[UInt8]] = []
        for frequency in frequencies {
            var source = ToneSource(frequency: frequency, sampleRate: 16_000)
            packets.append(try Self.encode(encoder, source.next(320)))
        }
        func hear(usingFEC: Bool) throws -> [Int16] {
            let decoder = try OpusDecoder(sampleRate: 16_000, channels: 1)
            for packet in packets[..<20] { _ = try Self.decode(decoder, packet) }
            var pcm = [Int16](repeating: 0, count: 320)
            let next = packets[21]
            var room = pcm.mutableSpan
            let samples =
                usingFEC
                ? try decoder.decodeFEC(next.span.bytes, samples: 320, into: &room)
                : try decoder.conceal(samples: 320, into: &room)
            #expect(samples == 320)
            return pcm
        }
        let detector = ToneDetector(sampleRate: 16_000)
        let recovered = detector.amplitude(of: 700, in: try hear(usingFEC: true))
        let guessed = detector.amplitude(of: 700, in: try hear(usingFEC: false))
        #expect(recovered > 3000 && recovered > 3 * guessed, "recovered \(recovered), guessed \(guessed)")
    }

    @Test("concealment prolongs the sound instead of leaving a hole")
    func concealment() throws {
        let encoder = try OpusEncoder(sampleRate: 16_000, channels: 1)
        let decoder = try OpusDecoder(sampleRate: 16_000, channels: 1)
        var source = ToneSource(frequency: 300, sampleRate: 16_000)
        for _ in 0..<20 { _ = try Self.decode(decoder, try Self.encode(encoder, source.next(320))) }
        var pcm = [Int16](repeating: 0, count: 320)
        var room = pcm.mutableSpan
        let samples = try decoder.conceal(samples: 320, into: &room)
        #expect(samples == 320)
        #expect(ToneDetector(sampleRate: 16_000).amplitude(of: 300, in: pcm) > 3000)
    }

    @Test("silence shrinks to packets of two bytes or fewer")
    func silenceSuppression() throws {
        let encoder = try OpusEncoder(sampleRate: 16_000, channels: 1)
        let silence = [Int16](repeating: 0, count: 320)
        let lengths = try (0..<50).map { _ in try Self.encode(encoder, silence).count }
        #expect(lengths.suffix(30).count { $0 <= 2 } >= 25)
        var source = ToneSource(frequency: 300, sampleRate: 16_000)
        #expect(try Self.encode(encoder, source.next(320)).count > 2)
    }

    @Test("rates that Opus does not know are refused by name", arguments: [0, -1, 7999, 11_025, 44_100, 96_000])
    func badRates(rate: Int) {
        #expect(throws: AudioCodecError.unsupportedSampleRate(rate)) { try OpusEncoder(sampleRate: rate, channels: 1) }
        #expect(throws: AudioCodecError.unsupportedSampleRate(rate)) { try OpusDecoder(sampleRate: rate, channels: 1) }
    }

    @Test("other settings out of range are refused by name")
    func badSettings() {
        #expect(throws: AudioCodecError.unsupportedChannelCount(3)) { try OpusEncoder(sampleRate: 8000, channels: 3) }
        #expect(throws: AudioCodecError.unsupportedChannelCount(0)) { try OpusDecoder(sampleRate: 8000, channels: 0) }
        func with(_ change: (inout OpusEncoder.Configuration) -> Void) throws {
            var configuration = OpusEncoder.Configuration()
            change(&configuration)
            _ = try OpusEncoder(sampleRate: 8000, channels: 1, configuration: configuration)
        }
        #expect(throws: AudioCodecError.unsupportedBitrate(100)) { try with { $0.bitrate = 100 } }
        #expect(throws: AudioCodecError.unsupportedComplexity(11)) { try with { $0.complexity = 11 } }
        #expect(throws: AudioCodecError.unsupportedPacketLoss(101)) { try with { $0.expectedPacketLoss = 101 } }
    }

    @Test("a frame of an odd length is refused, and so is an empty one", arguments: [0, 1, 319, 321, 16_000])
    func badFrames(samples: Int) throws {
        let encoder = try OpusEncoder(sampleRate: 16_000, channels: 1)
        #expect(throws: AudioCodecError.unsupportedFrameLength(samples)) {
            try Self.encode(encoder, [Int16](repeating: 0, count: samples))
        }
    }

    @Test("every truncation and alteration of a packet is survived")
    func garbage() throws {
        let encoder = try OpusEncoder(sampleRate: 16_000, channels: 1)
        let decoder = try OpusDecoder(sampleRate: 16_000, channels: 1)
        var source = ToneSource(frequency: 300, sampleRate: 16_000)
        let packet = try Self.encode(encoder, source.next(320))
        for length in 0..<packet.count { _ = try? Self.decode(decoder, [UInt8](packet[..<length])) }
        for index in packet.indices {
            var altered = packet
            altered[index] ^= 0xFF
            _ = try? Self.decode(decoder, altered)
        }
        #expect(throws: AudioCodecError.invalidPacket) { try Self.decode(decoder, []) }
        // A packet of code 3 that announces no frames (RFC 6716, requirement R5).
        #expect(throws: AudioCodecError.invalidPacket) { try Self.decode(decoder, [0x03, 0x00]) }
    }

    @Test("a packet that does not fit is an error, not an overrun")
    func smallOutput() throws {
        let encoder = try OpusEncoder(sampleRate: 16_000, channels: 1)
        let decoder = try OpusDecoder(sampleRate: 16_000, channels: 1)
        var source = ToneSource(frequency: 300, sampleRate: 16_000)
        let packet = try Self.encode(encoder, source.next(320))
        var pcm = [Int16](repeating: 0, count: 319)
        func decode() throws {
            var room = pcm.mutableSpan
            _ = try decoder.decode(packet.span.bytes, into: &room)
        }
        #expect(throws: AudioCodecError.bufferTooSmall(capacity: 319)) { try decode() }
    }

    @Test(
        "without SILK the packets are CELT's, from the first one on", arguments: [8000, 12_000, 16_000, 24_000, 48_000])
    func lowDelay(rate: Int) throws {
        var configuration = OpusEncoder.Configuration()
        configuration.application = .lowDelay
        configuration.usesInBandFEC = false
        let encoder = try OpusEncoder(sampleRate: rate, channels: 1, configuration: configuration)
        var source = ToneSource(frequency: 500, sampleRate: rate)
        for _ in 0..<5 {
            // CELT's configurations are 16 to 31 (RFC 6716 section 3.1).
            let packet = try Self.encode(encoder, source.next(rate / 50))
            #expect(packet[0] >> 3 >= 16)
        }
    }

    @Test(
        "after a gap a tone is as loud as it was played when the encoder begins anew",
        arguments: [OpusEncoder.Application.voice, .lowDelay], [8000, 16_000, 48_000])
    func beginsAnew(application: OpusEncoder.Application, rate: Int) throws {
        var configuration = OpusEncoder.Configuration()
        configuration.application = application
        configuration.usesDTX = false
        let encoder = try OpusEncoder(sampleRate: rate, channels: 1, configuration: configuration)
        let decoder = try OpusDecoder(sampleRate: rate, channels: 1)
        let frame = rate / 50
        for _ in 0..<20 { _ = try Self.decode(decoder, Self.encode(encoder, [Int16](repeating: 0, count: frame))) }
        var pcm = [Int16](repeating: 0, count: decoder.maximumSamples)
        for _ in 0..<20 {
            var room = pcm.mutableSpan
            _ = try decoder.conceal(samples: frame, into: &room)
        }
        encoder.beginAnew()
        var source = ToneSource(frequency: 440, sampleRate: rate, amplitude: 3000)
        var heard: [Int16] = []
        for _ in 0..<50 { heard += try Self.decode(decoder, Self.encode(encoder, source.next(frame))) }
        let detector = ToneDetector(sampleRate: rate)
        for start in stride(from: 0, to: heard.count, by: rate / 5) {
            let level = detector.level(of: heard[start..<start + rate / 5])
            #expect((1785...2521).contains(level), "at \(start * 1000 / rate) ms")
        }
    }
}
