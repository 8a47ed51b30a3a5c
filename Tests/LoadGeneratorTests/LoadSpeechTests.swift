import AudioCodec
import Testing
import Wire

@testable import LoadGenerator

@Suite("What the clients of a load test say")
struct LoadSpeechTests {
    func level(_ samples: some Sequence<Int16>) -> Double {
        var sum = 0.0
        var count = 0.0
        for sample in samples {
            sum += Double(sample) * Double(sample)
            count += 1
        }
        return (sum / count).squareRoot()
    }

    @Test("speech is far from what counts as silence, and the pauses are as quiet as a room")
    func levels() {
        var frames = LoadSpeech.samples()[...]
        for (spurt, pause) in LoadSpeech.pattern {
            let spoken = frames.prefix(spurt).map { level($0) }
            frames = frames.dropFirst(spurt)
            let quiet = frames.prefix(pause).map { level($0) }
            frames = frames.dropFirst(pause)
            #expect(spoken.allSatisfy { $0 > 2 * Double(LoadSpeech.loudness) && $0 < 12_000 })
            #expect(quiet.allSatisfy { $0 < 20 })
        }
    }

    @Test("each spurt comes out of the codec as one spurt of the same length")
    func spurtsSurviveTheCodec() throws {
        let speech = try LoadSpeech(isOpus: false)
        let encoder = try OpusEncoder(sampleRate: 16_000, channels: 1)
        let decoder = try OpusDecoder(sampleRate: 24_000, channels: 1)
        var packet = [UInt8](repeating: 0, count: 1500)
        var pcm = [Int16](repeating: 0, count: decoder.maximumSamples)
        var heard: [Bool] = []
        for samples in LoadSpeech.samples() {
            var output = packet.mutableSpan
            let length = try encoder.encode(samples.span, into: &output)
            guard length > 2 else {
                heard.append(false)
                continue
            }
            var room = pcm.mutableSpan
            let count = try decoder.decode(packet.span.bytes.extracting(first: length), into: &room)
            heard.append(LoadSpeech.isLoud(RawSpan(_elements: pcm.span.extracting(0..<count))))
        }
        let sent = speech.frames.map(\.isLoud)
        #expect(sent.filter(\.self).count == LoadSpeech.pattern.reduce(0) { $0 + $1.0 })
        let differing = zip(sent, heard).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset)
        // A little of the last frame rings on into the next one.
        #expect(differing.count <= LoadSpeech.pattern.count)
        #expect(speech.frames.filter(\.isOnset).count == LoadSpeech.pattern.count)
    }

    @Test("as Opus packets it has pauses, and every packet of speech can be told from every other")
    func packets() throws {
        let speech = try LoadSpeech(isOpus: true)
        let sent = speech.frames.filter { !$0.message.isEmpty }
        #expect(sent.count < 600)
        #expect(speech.packets.count == sent.count)
    }
}
