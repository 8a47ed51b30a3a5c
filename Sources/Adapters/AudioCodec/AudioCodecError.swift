/// What was wrong with a request to a codec or resampler; each case names the refused value.
package enum AudioCodecError: Error, Hashable, Sendable {
    /// In Hz. Opus knows 8000, 12000, 16000, 24000 and 48000; the resampler 8000 to 48000.
    case unsupportedSampleRate(Int)
    /// Only 1 and 2 are allowed.
    case unsupportedChannelCount(Int)
    /// In bits per second; 500 to 512000.
    case unsupportedBitrate(Int)
    /// 0 to 10 are allowed.
    case unsupportedComplexity(Int)
    /// In percent; 0 to 100.
    case unsupportedPacketLoss(Int)
    /// Resampling quality; 0 to 10.
    case unsupportedQuality(Int)
    /// Samples per channel. Opus frames last 2.5, 5, 10, 20, 40 or 60 ms; concealment a multiple of 2.5 ms.
    case unsupportedFrameLength(Int)
    /// The output does not fit; `capacity` is what was offered, in bytes or samples.
    case bufferTooSmall(capacity: Int)
    /// Not an Opus packet.
    case invalidPacket
    /// The library gave up for a reason of its own, for example lack of memory; its error number.
    case library(Int)
}

extension AudioCodecError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unsupportedSampleRate(let rate): "sample rate \(rate) Hz is not supported"
        case .unsupportedChannelCount(let count): "\(count) channels are not supported, only 1 or 2"
        case .unsupportedBitrate(let rate): "bitrate \(rate) bit/s is not between 500 and 512000"
        case .unsupportedComplexity(let value): "complexity \(value) is not between 0 and 10"
        case .unsupportedPacketLoss(let percent): "expected loss \(percent) % is not between 0 and 100"
        case .unsupportedQuality(let value): "resampling quality \(value) is not between 0 and 10"
        case .unsupportedFrameLength(let samples): "a frame of \(samples) samples has no length that Opus allows"
        case .bufferTooSmall(let capacity): "the result does not fit into \(capacity)"
        case .invalidPacket: "not an Opus packet"
        case .library(let code): "the codec failed with error \(code)"
        }
    }
}
