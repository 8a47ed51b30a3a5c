import Testing

@testable import ClientProtocol

@Suite("WAV files")
struct WAVTests {
    @Test(
        "the same tone reads alike from every codec that another program writes",
        arguments: ["pcm8", "pcm24", "pcm32", "float32", "float64", "mulaw", "alaw"])
    func codecs(name: String) throws {
        let reference = try WAVFile(parsing: fixture("WAV/pcm16.wav")).monoSamples()
        let file = try WAVFile(parsing: fixture("WAV/\(name).wav"))
        let samples = file.monoSamples()
        #expect(file.sampleRate == 8000 && file.channels == 1)
        try #require(samples.count == 160 && reference.count == 160)
        // 8-bit PCM resolves 256 steps, the companded ones about 1/30 of the value; all are dithered.
        let tolerance = name == "pcm8" ? 600 : ["mulaw", "alaw"].contains(name) ? 700 : 4
        for (sample, expected) in zip(samples, reference) { #expect(abs(Int(sample) - Int(expected)) <= tolerance) }
    }

    @Test("stereo is mixed down")
    func stereo() throws {
        let file = try WAVFile(parsing: fixture("WAV/stereo.wav"))
        #expect(file.channels == 2 && file.monoSamples().count == 160)
    }

    @Test("a file that was written to a pipe runs to its end")
    func piped() throws {
        #expect(try WAVFile(parsing: fixture("WAV/piped.wav")).sampleFrameCount == 160)
    }

    @Test("a length that was never filled in means the rest of the file", arguments: [UInt8(0), 0xFF])
    func openLength(byte: UInt8) throws {
        var file = try fixture("WAV/pcm16.wav")
        for index in [4, 5, 6, 7, 40, 41, 42, 43] { file[index] = byte }
        #expect(try WAVFile(parsing: file).sampleFrameCount == 160)
    }

    @Test("a file that says it is complete and has no samples has none")
    func empty() throws {
        let header = try #require(
            WAVHeader.bytes(for: AudioFormat(encoding: .pcmS16LE, sampleRate: 8000), dataByteCount: 0))
        #expect(try WAVFile(parsing: header).sampleFrameCount == 0)
    }

    @Test("chunks may come in any order, with unknown ones of odd length between")
    func anyOrder() throws {
        let file = try fixture("WAV/pcm16.wav")
        let format = Array(file[12..<36])
        let data = Array(file[36...])
        let odd: [UInt8] = Array("LIST".utf8) + [3, 0, 0, 0, 1, 2, 3, 0]
        let shuffled = Array(file[..<12]) + odd + data + odd + format
        #expect(try WAVFile(parsing: shuffled).data == data[8...])
    }

    @Test("no truncation of a real file traps", arguments: ["pcm16", "float32", "mulaw", "pcm24"])
    func truncations(name: String) throws {
        let file = try fixture("WAV/\(name).wav")
        for length in 0..<file.count {
            let result = Result { try WAVFile(parsing: Array(file[..<length])) }
            if let parsed = try? result.get() { #expect(parsed.monoSamples().count <= 160) }
        }
    }

    @Test("no single changed byte in the header traps")
    func changedBytes() throws {
        let file = try fixture("WAV/pcm24.wav")
        for index in 0..<80 {
            for value in [UInt8(0), 1, 0x7F, 0x80, 0xFF] {
                var changed = file
                changed[index] = value
                if let parsed = try? WAVFile(parsing: changed) { _ = parsed.monoSamples() }
            }
        }
    }

    @Test("what cannot be read is named")
    func errors() throws {
        var file = try fixture("WAV/pcm16.wav")
        #expect(throws: WAVError.notRIFF) { try WAVFile(parsing: Array("OggS and more bytes".utf8)) }
        file[20] = 0x55
        #expect(throws: WAVError.unsupportedCodec(tag: 0x55)) { try WAVFile(parsing: file) }
        file[20] = 1
        file[34] = 12
        #expect(throws: WAVError.unsupportedSampleSize(bits: 12)) { try WAVFile(parsing: file) }
        file[22] = 0
        #expect(throws: WAVError.unsupportedChannels(0)) { try WAVFile(parsing: file) }
        #expect(throws: WAVError.missingFormat) { try WAVFile(parsing: Array(file[..<12])) }
        #expect(throws: WAVError.missingData) { try WAVFile(parsing: fixture("WAV/pcm16.wav")[..<36].map { $0 }) }
    }

    @Test("a written file reads back", arguments: [AudioEncoding.pcmS16LE, .pcmF32LE, .mulaw, .alaw])
    func roundTrip(encoding: AudioEncoding) throws {
        let format = AudioFormat(encoding: encoding, sampleRate: 24000)
        let ramp = (0..<101).map { Int16($0 * 300 - 15000) }
        var data: [UInt8] = []
        SampleEncoder.append(ramp.span, as: encoding, to: &data)
        let header = try #require(WAVHeader.bytes(for: format, dataByteCount: data.count))
        let file = try WAVFile(parsing: header + data)
        #expect(file.sampleRate == 24000 && file.data == data[...])
        #expect(
            UInt32(header.count + data.count - 8) == header[4..<8].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        )
        if encoding == .pcmS16LE { #expect(header.count == 44) }
    }
}
