/// How a client's audio is written as bytes.
package enum AudioEncoding: String, Hashable, Sendable, CaseIterable {
    /// Signed 16-bit little-endian PCM.
    case pcmS16LE = "pcm_s16le"
    /// 32-bit IEEE 754 little-endian PCM, full scale at ±1.0.
    case pcmF32LE = "pcm_f32le"
    /// G.711 µ-law, one byte a sample.
    case mulaw
    /// G.711 A-law, one byte a sample.
    case alaw
    /// Opus (RFC 6716), one packet a message.
    case opus

    /// Bytes that one sample of one channel takes; nil for Opus, whose packets have no fixed size.
    package var bytesPerSample: Int? {
        switch self {
        case .pcmS16LE: 2
        case .pcmF32LE: 4
        case .mulaw, .alaw: 1
        case .opus: nil
        }
    }
}

/// An encoding together with its rate and number of channels.
package struct AudioFormat: Hashable, Sendable {
    /// The rates, in Hz, that a client may choose.
    package static let sampleRates = [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]
    /// The rates, in Hz, at which Opus codes and decodes without resampling (RFC 6716 section 2.1.3).
    package static let opusSampleRates = [8000, 12000, 16000, 24000, 48000]

    package var encoding: AudioEncoding
    /// In Hz.
    package var sampleRate: Int
    /// 1 (mono) or 2 (interleaved stereo).
    package var channels: Int

    package init(encoding: AudioEncoding, sampleRate: Int, channels: Int = 1) {
        self.encoding = encoding
        self.sampleRate = sampleRate
        self.channels = channels
    }

    /// Bytes of one sample instant over all channels; nil for Opus.
    package var bytesPerSampleFrame: Int? { encoding.bytesPerSample.map { $0 * channels } }

    /// The lowest Opus rate that loses nothing of a signal sampled at `sampleRate`: the rate itself if Opus knows it.
    package var nearestOpusSampleRate: Int { Self.opusSampleRates.first { $0 >= sampleRate } ?? 48000 }
}
