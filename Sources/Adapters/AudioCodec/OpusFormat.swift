internal import COpus

/// What encoder and decoder have in common: the PCM side of an Opus stream.
enum OpusFormat {
    static let sampleRates: Set<Int> = [8000, 12000, 16000, 24000, 48000]

    /// Checks what PCM to take or give.
    static func check(sampleRate: Int, channels: Int) throws(AudioCodecError) {
        guard sampleRates.contains(sampleRate) else { throw .unsupportedSampleRate(sampleRate) }
        guard channels == 1 || channels == 2 else { throw .unsupportedChannelCount(channels) }
    }

    /// The error behind a negative result of libopus.
    static func error(_ code: Int32, capacity: Int) -> AudioCodecError {
        switch code {
        case OPUS_BUFFER_TOO_SMALL: .bufferTooSmall(capacity: capacity)
        case OPUS_INVALID_PACKET, OPUS_BAD_ARG: .invalidPacket
        default: .library(Int(code))
        }
    }
}
