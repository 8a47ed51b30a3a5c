import AudioCodec
import TestSupport
import Testing

@Suite("Resampler")
struct ResamplerTests {
    struct Rates: Sendable, CustomTestStringConvertible {
        let input: Int
        let output: Int
        var testDescription: String { "\(input) to \(output) Hz" }
    }

    static func run(_ resampler: Resampler, _ pcm: [Int16]) -> [Int16] {
        var output = [Int16](
            repeating: 0, count: resampler.capacity(for: pcm.count / resampler.channels) * resampler.channels)
        var room = output.mutableSpan
        let progress = resampler.process(pcm.span, into: &room)
        #expect(progress.consumed == pcm.count / resampler.channels)
        return [Int16](output[..<(progress.produced * resampler.channels)])
    }

    @Test(
        "a tone keeps its frequency and level",
        arguments: [
            Rates(input: 44_100, output: 48_000), Rates(input: 48_000, output: 44_100),
            Rates(input: 8000, output: 48_000), Rates(input: 48_000, output: 16_000),
            Rates(input: 22_050, output: 24_000),
            Rates(input: 11_025, output: 16_000),
        ])
    func tone(rates: Rates) throws {
        let resampler = try Resampler(inputRate: rates.input, outputRate: rates.output, channels: 1)
        var source = ToneSource(frequency: 1000, sampleRate: rates.input)
        var heard: [Int16] = []
        for _ in 0..<100 { heard += Self.run(resampler, source.next(rates.input / 100)) }
        #expect(abs(heard.count - rates.output * 100 * (rates.input / 100) / rates.input) < 200)
        let steady = heard.dropFirst(heard.count / 4).prefix(rates.output / 2)
        let detector = ToneDetector(sampleRate: rates.output)
        let amplitude = detector.amplitude(of: 1000, in: steady)
        #expect(amplitude > 9500 && amplitude < 10_500, "amplitude \(amplitude)")
        #expect(detector.purity(of: 1000, in: steady) > 0.98)
    }

    @Test("pieces of odd sizes give the same as one piece")
    func pieces() throws {
        var source = ToneSource(frequency: 440, sampleRate: 44_100)
        let pcm = source.next(4410)
        let whole = Self.run(try Resampler(inputRate: 44_100, outputRate: 48_000, channels: 1), pcm)
        let resampler = try Resampler(inputRate: 44_100, outputRate: 48_000, channels: 1)
        var pieced: [Int16] = []
        var start = 0
        var size = 1
        while start < pcm.count {
            let end = min(start + size, pcm.count)
            pieced += Self.run(resampler, [Int16](pcm[start..<end]))
            start = end
            size = size % 97 + 13
        }
        #expect(pieced == whole)
    }

    @Test("the channels of a stereo stream stay apart")
    func stereo() throws {
        let resampler = try Resampler(inputRate: 44_100, outputRate: 48_000, channels: 2)
        var left = ToneSource(frequency: 400, sampleRate: 44_100)
        var right = ToneSource(frequency: 1500, sampleRate: 44_100)
        let pcm = zip(left.next(44_100), right.next(44_100)).flatMap { [$0, $1] }
        let heard = Self.run(resampler, pcm)
        let channels = (0..<2).map { channel in
            stride(from: 9600 + channel, to: 9600 + 48_000, by: 2).map { heard[$0] }
        }
        let detector = ToneDetector(sampleRate: 48_000)
        #expect(detector.purity(of: 400, in: channels[0]) > 0.98)
        #expect(detector.purity(of: 1500, in: channels[1]) > 0.98)
    }

    @Test("when the output is full the rest of the input is left for the next call")
    func fullOutput() throws {
        let resampler = try Resampler(inputRate: 16_000, outputRate: 48_000, channels: 1)
        let input = [Int16](repeating: 100, count: 320)
        var output = [Int16](repeating: 0, count: 300)
        var room = output.mutableSpan
        let progress = resampler.process(input.span, into: &room)
        #expect(progress.produced == 300)
        #expect(progress.consumed >= 90 && progress.consumed < 320)
    }

    @Test("nothing in, nothing out")
    func empty() throws {
        let resampler = try Resampler(inputRate: 16_000, outputRate: 48_000, channels: 1)
        var room = MutableSpan<Int16>()
        let progress = resampler.process(Span(), into: &room)
        #expect(progress.consumed == 0 && progress.produced == 0)
    }

    @Test("rates, channels and qualities out of range are refused by name")
    func badSettings() {
        #expect(throws: AudioCodecError.unsupportedSampleRate(7999)) {
            try Resampler(inputRate: 7999, outputRate: 8000, channels: 1)
        }
        #expect(throws: AudioCodecError.unsupportedSampleRate(384_000)) {
            try Resampler(inputRate: 8000, outputRate: 384_000, channels: 1)
        }
        #expect(throws: AudioCodecError.unsupportedChannelCount(3)) {
            try Resampler(inputRate: 8000, outputRate: 8000, channels: 3)
        }
        #expect(throws: AudioCodecError.unsupportedQuality(11)) {
            try Resampler(inputRate: 8000, outputRate: 8000, channels: 1, quality: 11)
        }
    }
}
