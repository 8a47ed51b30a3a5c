internal import COpus

/// Encodes PCM into Opus packets (RFC 6716). One stream, one thread; nothing is allocated after `init`.
// SAFETY: no pointer leaves this type, and each is valid until deinit.
@safe
package final class OpusEncoder {
    /// What the encoder is tuned for.
    package enum Application: Hashable, Sendable {
        /// Speech, with high-pass filtering.
        case voice
        /// Music and mixed content.
        case audio
        /// Everything, 4 ms faster, without the modes for speech at low rates: no in-band FEC.
        case lowDelay
    }

    package struct Configuration: Hashable, Sendable {
        package var application = Application.voice
        /// Bits per second, 500 to 512000.
        package var bitrate = 24_000
        /// CPU for quality, 0 to 10.
        package var complexity = 5
        /// Whether packets carry a coarse copy of the packet before them (RFC 6716 section 2.1.7).
        package var usesInBandFEC = true
        /// Percent of packets that the peer is expected to lose; FEC spends bits by it, and nothing at 0, where it
        /// would cost half as much CPU again.
        package var expectedPacketLoss = 0
        /// Whether silence is sent as packets of 1 or 2 bytes, which need not be transmitted.
        package var usesDTX = true

        package init() {}
    }

    /// No packet is longer than this, in bytes: three frames of 1275 bytes and their lengths.
    package static let maximumPacketLength = 4000

    package let sampleRate: Int
    package let channels: Int
    private let encoder: OpaquePointer
    private var isBeginning = false

    /// - Parameters:
    ///   - sampleRate: of the PCM that goes in, in Hz: 8000, 12000, 16000, 24000 or 48000.
    ///   - channels: 1, or 2 interleaved.
    package init(
        sampleRate: Int, channels: Int, configuration: Configuration = Configuration()
    ) throws(AudioCodecError) {
        try OpusFormat.check(sampleRate: sampleRate, channels: channels)
        guard (500...512_000).contains(configuration.bitrate) else { throw .unsupportedBitrate(configuration.bitrate) }
        guard (0...10).contains(configuration.complexity) else {
            throw .unsupportedComplexity(configuration.complexity)
        }
        guard (0...100).contains(configuration.expectedPacketLoss) else {
            throw .unsupportedPacketLoss(configuration.expectedPacketLoss)
        }
        let application =
            switch configuration.application {
            case .voice: OPUS_APPLICATION_VOIP
            case .audio: OPUS_APPLICATION_AUDIO
            case .lowDelay: OPUS_APPLICATION_RESTRICTED_LOWDELAY
            }
        var status: Int32 = OPUS_OK
        // SAFETY: the call only stores its status.
        guard let encoder = unsafe opus_encoder_create(Int32(sampleRate), Int32(channels), application, &status) else {
            throw .library(Int(status))
        }
        unsafe self.encoder = encoder
        self.sampleRate = sampleRate
        self.channels = channels
        // The values were checked above, so none of these can fail.
        _ = unsafe copus_encoder_set_bitrate(encoder, Int32(configuration.bitrate))
        _ = unsafe copus_encoder_set_complexity(encoder, Int32(configuration.complexity))
        _ = unsafe copus_encoder_set_inband_fec(encoder, configuration.usesInBandFEC ? 1 : 0)
        _ = unsafe copus_encoder_set_packet_loss(encoder, Int32(configuration.expectedPacketLoss))
        _ = unsafe copus_encoder_set_dtx(encoder, configuration.usesDTX ? 1 : 0)
    }

    // SAFETY: the encoder is freed once, by its only owner.
    deinit { unsafe opus_encoder_destroy(encoder) }

    /// Whether a frame may have this many samples per channel: 2.5, 5, 10, 20, 40 or 60 ms.
    package func isFrameLength(_ samples: Int) -> Bool {
        let quarters = samples * 400
        switch quarters / sampleRate {
        case 1, 2, 4, 8, 16, 24: return quarters.isMultiple(of: sampleRate)
        default: return false
        }
    }

    /// Encodes one frame of interleaved samples to the beginning of `packet`; returns the packet's length in bytes.
    package func encode(_ pcm: Span<Int16>, into packet: inout MutableSpan<UInt8>) throws(AudioCodecError) -> Int {
        let samples = pcm.count / channels
        guard pcm.count.isMultiple(of: channels), isFrameLength(samples) else {
            throw .unsupportedFrameLength(samples)
        }
        guard packet.count > 1 else { throw .bufferTooSmall(capacity: packet.count) }
        // SAFETY: libopus reads `samples * channels` values, and writes at most as many bytes as it is told.
        let length = unsafe pcm.withUnsafeBufferPointer { input in
            unsafe packet.withUnsafeMutableBufferPointer { output -> Int32 in
                guard let source = input.baseAddress, let target = output.baseAddress else { return OPUS_BAD_ARG }
                return unsafe opus_encode(encoder, source, Int32(samples), target, Int32(clamping: output.count))
            }
        }
        guard length > 0 else { throw OpusFormat.error(length, capacity: packet.count) }
        if isBeginning { finishBeginning(header: packet[0]) }
        return Int(length)
    }

    /// Changes how much the peer is expected to lose, in percent; beyond 0 to 100 counts as the limit.
    package func expect(packetLoss percent: Int) {
        // SAFETY: the encoder lives as long as this value.
        _ = unsafe copus_encoder_set_packet_loss(encoder, Int32(min(max(percent, 0), 100)))
    }

    /// The peer has not got the frame before the next one, so nothing may be predicted from it.
    ///
    /// The frame is made by CELT whatever the application is: SILK goes on from what both sides have heard, and a tone
    /// that follows something else comes out up to 24 dB too loud. After CELT it begins anew.
    package func beginAnew() {
        guard !isBeginning else { return }
        isBeginning = true
        // SAFETY: the encoder lives as long as this value.
        _ = unsafe copus_encoder_set_prediction_disabled(encoder, 1)
        _ = unsafe copus_encoder_force_celt(encoder, 1)
    }

    /// A frame of SILK may come first, which leads over to CELT.
    private func finishBeginning(header: UInt8) {
        // CELT's configurations are 16 to 31 (RFC 6716 section 3.1).
        guard header & 0x80 != 0 else { return }
        isBeginning = false
        // SAFETY: the encoder lives as long as this value.
        _ = unsafe copus_encoder_set_prediction_disabled(encoder, 0)
        _ = unsafe copus_encoder_force_celt(encoder, 0)
    }

    /// Forgets the past, as after a pause.
    // SAFETY: the encoder lives as long as this value.
    package func reset() { _ = unsafe copus_encoder_reset(encoder) }
}
