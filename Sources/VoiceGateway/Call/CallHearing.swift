internal import AudioCodec
internal import ClientProtocol
internal import Wire

/// Turns what the gateway sends as sound into mono samples, whatever the format and the framing.
struct CallHearing {
    let format: AudioFormat
    private var decoder: SampleDecoder?
    private var opus: OpusDecoder?

    init(_ format: AudioFormat) throws(AudioCodecError) {
        self.format = format
        decoder = SampleDecoder(format: format)
        if format.encoding == .opus { opus = try OpusDecoder(sampleRate: format.sampleRate, channels: 1) }
    }

    /// A binary message.
    mutating func samples(of bytes: RawSpan) -> [Int16] {
        var samples: [Int16] = []
        if let opus {
            // SAFETY: the bytes are read during the call, and no more samples are written than there is room for.
            samples = unsafe [Int16](unsafeUninitializedCapacity: opus.maximumSamples) { output, count in
                // A damaged packet is a gap.
                count = unsafe bytes.withUnsafeBytes { try? unsafe opus.decode($0, into: output) } ?? 0
            }
        } else {
            decoder?.append(bytes, to: &samples)
        }
        return samples
    }

    /// The `data` of an `audio` event: base64 of bytes in the session's format, or of a whole WAV file.
    mutating func samples(ofBase64 text: String) -> [Int16] {
        guard let bytes = Base64.decode(text) else { return [] }
        if bytes.starts(with: "RIFF".utf8) { return (try? WAVFile(parsing: bytes))?.monoSamples() ?? [] }
        return samples(of: bytes.span.bytes)
    }
}
