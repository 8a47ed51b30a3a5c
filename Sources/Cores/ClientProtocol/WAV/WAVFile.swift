/// What is wrong with bytes that should be a WAV file.
package enum WAVError: Error, Hashable, Sendable {
    /// They do not start with `RIFF`, a size and `WAVE`.
    case notRIFF
    /// No `fmt ` chunk before the end.
    case missingFormat
    /// The `fmt ` chunk is shorter than its 16 fixed bytes, or its numbers contradict each other.
    case malformedFormat
    /// A codec other than PCM, float, µ-law or A-law, by its tag.
    case unsupportedCodec(tag: UInt16)
    /// A sample size that the codec does not have, in bits.
    case unsupportedSampleSize(bits: UInt16)
    /// A number of channels outside of 1…8.
    case unsupportedChannels(UInt16)
    /// A rate outside of 1 kHz…384 kHz.
    case unsupportedSampleRate(UInt32)
    /// No `data` chunk before the end.
    case missingData
}

extension WAVError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notRIFF: "not a WAV file: it does not start with RIFF…WAVE"
        case .missingFormat: "a WAV file without a fmt chunk"
        case .malformedFormat: "a WAV file with a malformed fmt chunk"
        case .unsupportedCodec(let tag):
            "a WAV file with codec \(tag); PCM (1), float (3), A-law (6) and µ-law (7) are supported"
        case .unsupportedSampleSize(let bits):
            "a WAV file with \(bits)-bit samples of its codec, which is not supported"
        case .unsupportedChannels(let count): "a WAV file with \(count) channels; 1 to 8 are supported"
        case .unsupportedSampleRate(let rate):
            "a WAV file with a rate of \(rate) Hz; 1000 to 384000 Hz are supported"
        case .missingData: "a WAV file without a data chunk"
        }
    }
}

/// A WAV (RIFF/WAVE) file: its format and where its samples are. Chunks may come in any order; a `data` chunk whose
/// length was never filled in (0 or all ones, as writers to a pipe leave it) or that is cut off runs to the end.
package struct WAVFile: Hashable, Sendable {
    /// How one sample is stored.
    package enum Codec: Hashable, Sendable {
        /// Unsigned, centred at 128.
        case pcm8
        case pcm16
        case pcm24
        case pcm32
        case float32
        case float64
        case mulaw
        case alaw

        /// Bytes of one sample.
        package var byteCount: Int {
            switch self {
            case .pcm8, .mulaw, .alaw: 1
            case .pcm16: 2
            case .pcm24: 3
            case .pcm32, .float32: 4
            case .float64: 8
            }
        }
    }

    package let codec: Codec
    /// In Hz.
    package let sampleRate: Int
    package let channels: Int
    /// The interleaved samples as they are stored: a part of the file, which is not copied.
    package let data: ArraySlice<UInt8>

    /// Sample instants, each over all channels.
    package var sampleFrameCount: Int { data.count / (codec.byteCount * channels) }

    package init(codec: Codec, sampleRate: Int, channels: Int, data: ArraySlice<UInt8>) {
        self.codec = codec
        self.sampleRate = sampleRate
        self.channels = channels
        self.data = data
    }

    package init(parsing file: [UInt8]) throws(WAVError) {
        guard file.count >= 12, Self.tag(file, 0) == "RIFF", Self.tag(file, 8) == "WAVE" else { throw .notRIFF }
        let riffSize = Int(Self.uint32(file, 4))
        var format: Range<Int>?
        var samples: Range<Int>?
        var offset = 12
        while offset + 8 <= file.count {
            let name = Self.tag(file, offset)
            let size = Self.uint32(file, offset + 4)
            let start = offset + 8
            let rest = file.count - start
            // A data chunk of length 0 is really empty only if somebody came back to write the file's length.
            let isOpen =
                name == "data" && (size == UInt32.max || size == 0 && rest > 0 && riffSize + 8 != file.count)
            let length = isOpen ? rest : min(Int(size), rest)
            if name == "fmt ", format == nil { format = start..<start + length }
            if name == "data", samples == nil { samples = start..<start + length }
            offset = start + length + length % 2
        }
        guard let format else { throw .missingFormat }
        (codec, sampleRate, channels) = try Self.parseFormat(file, format)
        guard let samples else { throw .missingData }
        data = file[samples]
    }

    /// All samples as 16 bits, channels mixed down to one; an unfinished sample frame at the end is dropped.
    package func monoSamples() -> [Int16] {
        var samples: [Int16] = []
        appendMonoSamples(0..<sampleFrameCount, to: &samples)
        return samples
    }

    /// Appends some of these, counted in sample instants.
    package func appendMonoSamples(_ range: Range<Int>, to samples: inout [Int16]) {
        samples.reserveCapacity(samples.count + range.count)
        let frameSize = codec.byteCount * channels
        let bytes = data.span
        if channels == 1 {
            for frame in range { samples.append(sample(bytes, at: frame * frameSize)) }
            return
        }
        for frame in range {
            var sum = 0
            for channel in 0..<channels { sum += Int(sample(bytes, at: frame * frameSize + channel * codec.byteCount)) }
            samples.append(Int16(clamping: sum / channels))
        }
    }

    private func sample(_ data: Span<UInt8>, at offset: Int) -> Int16 {
        switch codec {
        case .pcm8: Int16((Int(data[offset]) - 128) << 8)
        case .pcm16: Int16(truncatingIfNeeded: Int(data[offset]) | Int(data[offset + 1]) << 8)
        case .pcm24: Int16(truncatingIfNeeded: Int(data[offset + 1]) | Int(data[offset + 2]) << 8)
        case .pcm32: Int16(truncatingIfNeeded: Int(data[offset + 2]) | Int(data[offset + 3]) << 8)
        case .float32: SampleDecoder.linear(Float(bitPattern: Self.uint32(data, offset)))
        case .float64:
            SampleDecoder.linear(
                Float(
                    Double(
                        bitPattern: UInt64(Self.uint32(data, offset)) | UInt64(Self.uint32(data, offset + 4)) << 32)))
        case .mulaw: G711.decodeMulaw(data[offset])
        case .alaw: G711.decodeAlaw(data[offset])
        }
    }

    static func parseFormat(_ file: [UInt8], _ range: Range<Int>) throws(WAVError) -> (Codec, Int, Int) {
        guard range.count >= 16 else { throw .malformedFormat }
        let start = range.lowerBound
        var tag = uint16(file, start)
        let channels = uint16(file, start + 2)
        let rate = uint32(file, start + 4)
        let bits = uint16(file, start + 14)
        // WAVE_FORMAT_EXTENSIBLE: the real tag is the start of the sub-format at byte 24.
        if tag == 0xFFFE {
            guard range.count >= 40 else { throw .malformedFormat }
            tag = uint16(file, start + 24)
        }
        guard (1...8).contains(channels) else { throw .unsupportedChannels(channels) }
        guard (1000...384_000).contains(rate) else { throw .unsupportedSampleRate(rate) }
        let codec: Codec
        switch (tag, bits) {
        case (1, 8): codec = .pcm8
        case (1, 16): codec = .pcm16
        case (1, 24): codec = .pcm24
        case (1, 32): codec = .pcm32
        case (3, 32): codec = .float32
        case (3, 64): codec = .float64
        case (6, 8): codec = .alaw
        case (7, 8): codec = .mulaw
        case (1, _), (3, _), (6, _), (7, _): throw .unsupportedSampleSize(bits: bits)
        default: throw .unsupportedCodec(tag: tag)
        }
        return (codec, Int(rate), Int(channels))
    }

    private static func tag(_ file: [UInt8], _ offset: Int) -> String {
        String(decoding: file[offset..<offset + 4], as: UTF8.self)
    }

    private static func uint16(_ file: [UInt8], _ offset: Int) -> UInt16 {
        UInt16(file[offset]) | UInt16(file[offset + 1]) << 8
    }

    static func uint32(_ file: [UInt8], _ offset: Int) -> UInt32 {
        UInt32(uint16(file, offset)) | UInt32(uint16(file, offset + 2)) << 16
    }

    private static func uint32(_ data: Span<UInt8>, _ offset: Int) -> UInt32 {
        var value: UInt32 = 0
        for place in 0..<4 { value |= UInt32(data[offset + place]) << UInt32(8 * place) }
        return value
    }
}
