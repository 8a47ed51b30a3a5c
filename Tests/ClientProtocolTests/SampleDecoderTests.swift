import Testing
import Wire

@testable import ClientProtocol

@Suite("Bytes to samples")
struct SampleDecoderTests {
    private func decode(_ bytes: [UInt8], _ format: AudioFormat, chunk: Int) throws -> [Int16] {
        var decoder = try #require(SampleDecoder(format: format))
        var output: [Int16] = []
        for start in stride(from: 0, to: bytes.count, by: chunk) {
            let part = Array(bytes[start..<min(start + chunk, bytes.count)])
            decoder.append(part.span.bytes, to: &output)
        }
        return output
    }

    @Test("chunks of any size, also ones that split a sample, give the same samples", arguments: 1...17)
    func anyChunk(size: Int) throws {
        let ramp = (0..<500).map { Int16($0 * 13 - 3000) }
        let output = try decode(littleEndian(ramp), AudioFormat(encoding: .pcmS16LE, sampleRate: 16000), chunk: size)
        #expect(output == ramp)
    }

    @Test("stereo is mixed down whatever the chunks", arguments: [1, 2, 3, 4, 5, 7, 400])
    func stereo(size: Int) throws {
        let interleaved: [Int16] = (0..<100).flatMap { [Int16($0 * 100), Int16($0 * 300)] }
        let format = AudioFormat(encoding: .pcmS16LE, sampleRate: 48000, channels: 2)
        let output = try decode(littleEndian(interleaved), format, chunk: size)
        #expect(output == (0..<100).map { Int16($0 * 200) })
    }

    @Test("opposite full scales mix to silence, not to a wrap-around")
    func stereoExtremes() throws {
        let format = AudioFormat(encoding: .pcmS16LE, sampleRate: 48000, channels: 2)
        let output = try decode(littleEndian([32767, 32767, -32768, -32768, 32767, -32768]), format, chunk: 64)
        #expect(output == [32767, -32768, 0])
    }

    @Test("floats scale, clip, and are silent where they are not a number", arguments: [1, 3, 4, 64])
    func floats(size: Int) throws {
        let values: [Float] = [0, 0.5, -0.5, 1, -1, 7, -.infinity, .nan]
        let bytes = values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) } }
        let output = try decode(bytes, AudioFormat(encoding: .pcmF32LE, sampleRate: 8000), chunk: size)
        #expect(output == [0, 16384, -16384, 32767, -32768, 32767, -32768, 0])
    }

    @Test("G.711 bytes go through the tables, in stereo too")
    func companded() throws {
        let bytes: [UInt8] = [0x00, 0x80, 0xFF, 0x7F]
        let mono = try decode(bytes, AudioFormat(encoding: .mulaw, sampleRate: 8000), chunk: 3)
        #expect(mono == bytes.map(G711.decodeMulaw))
        let stereo = try decode(bytes, AudioFormat(encoding: .alaw, sampleRate: 8000, channels: 2), chunk: 3)
        #expect(stereo.count == 2)
    }

    @Test("bytes of an unfinished sample are kept, and can be forgotten")
    func unfinished() throws {
        var decoder = try #require(SampleDecoder(format: AudioFormat(encoding: .pcmS16LE, sampleRate: 8000)))
        var output: [Int16] = []
        let odd: [UInt8] = [1, 0, 2]
        decoder.append(odd.span.bytes, to: &output)
        #expect(decoder.pendingByteCount == 1)
        decoder.reset()
        decoder.append(odd.span.bytes, to: &output)
        #expect(output == [1, 1])
    }

    @Test("Opus has no samples to cut")
    func opus() {
        #expect(SampleDecoder(format: AudioFormat(encoding: .opus, sampleRate: 48000)) == nil)
    }

    @Test("what is encoded decodes again", arguments: [AudioEncoding.pcmS16LE, .pcmF32LE])
    func roundTrip(encoding: AudioEncoding) throws {
        let ramp = (-400..<400).map { Int16($0 * 80) }
        var bytes: [UInt8] = []
        SampleEncoder.append(ramp.span, as: encoding, to: &bytes)
        #expect(try decode(bytes, AudioFormat(encoding: encoding, sampleRate: 8000), chunk: 11) == ramp)
    }
}
