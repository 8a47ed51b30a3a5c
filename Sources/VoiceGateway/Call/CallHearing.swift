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
            samples = [Int16](repeating: 0, count: opus.maximumSamples)
            var room = samples.mutableSpan
            // A damaged packet is a gap.
            let count = (try? opus.decode(bytes, into: &room)) ?? 0
            samples.removeSubrange(count...)
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
