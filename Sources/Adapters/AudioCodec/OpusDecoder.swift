internal import COpus

/// Decodes Opus packets into PCM of any Opus rate, whatever rate they were encoded from (RFC 6716). One stream, one
/// thread; nothing is allocated after `init`.
// SAFETY: no pointer leaves this type, and each is valid until deinit.
@safe
package final class OpusDecoder {
    /// The longest packet lasts this many milliseconds.
    package static let maximumPacketDuration = 120

    package let sampleRate: Int
    package let channels: Int
    private let decoder: OpaquePointer

    /// Samples per channel of the longest packet: what an output buffer must hold to fit any packet.
    package var maximumSamples: Int { sampleRate * Self.maximumPacketDuration / 1000 }

    /// - Parameters:
    ///   - sampleRate: of the PCM that comes out, in Hz: 8000, 12000, 16000, 24000 or 48000.
    ///   - channels: 1, or 2 interleaved; mono and stereo packets fit either.
    package init(sampleRate: Int, channels: Int) throws(AudioCodecError) {
        try OpusFormat.check(sampleRate: sampleRate, channels: channels)
        var status: Int32 = OPUS_OK
        // SAFETY: the call only stores its status.
        guard let decoder = unsafe opus_decoder_create(Int32(sampleRate), Int32(channels), &status) else {
            throw .library(Int(status))
        }
        unsafe self.decoder = decoder
        self.sampleRate = sampleRate
        self.channels = channels
    }

    // SAFETY: the decoder is freed once, by its only owner.
    deinit { unsafe opus_decoder_destroy(decoder) }

    /// Decodes one packet into interleaved samples; returns samples per channel.
    package func decode(
        _ packet: RawSpan, into pcm: inout MutableSpan<Int16>
    ) throws(AudioCodecError) -> Int {
        guard !packet.isEmpty else { throw .invalidPacket }
        return try run(packet, &pcm, samples: pcm.count / channels, usesFEC: false)
    }

    /// Recovers the packet before `next`, which was lost, from the coarse copy in `next`. Without such a copy the
    /// loss is concealed.
    /// - Parameter samples: per channel, how long the lost packet was; a multiple of 2.5 ms.
    package func decodeFEC(
        _ next: RawSpan, samples: Int, into pcm: inout MutableSpan<Int16>
    ) throws(AudioCodecError) -> Int {
        guard !next.isEmpty else { throw .invalidPacket }
        try checkGap(samples, room: pcm.count)
        return try run(next, &pcm, samples: samples, usesFEC: true)
    }

    /// Invents sound for a lost packet from what came before, fading out over several calls.
    /// - Parameter samples: per channel, how long the lost packet was; a multiple of 2.5 ms.
    package func conceal(
        samples: Int, into pcm: inout MutableSpan<Int16>
    ) throws(AudioCodecError) -> Int {
        try checkGap(samples, room: pcm.count)
        return try run(RawSpan(), &pcm, samples: samples, usesFEC: false)
    }

    /// Forgets the past, as after a pause or at the start of another stream.
    // SAFETY: the decoder lives as long as this value.
    package func reset() { _ = unsafe copus_decoder_reset(decoder) }

    private func checkGap(_ samples: Int, room: Int) throws(AudioCodecError) {
        guard samples > 0, samples <= maximumSamples, (samples * 400).isMultiple(of: sampleRate) else {
            throw .unsupportedFrameLength(samples)
        }
        guard samples * channels <= room else { throw .bufferTooSmall(capacity: room) }
    }

    private func run(
        _ packet: RawSpan, _ pcm: inout MutableSpan<Int16>, samples: Int, usesFEC: Bool
    ) throws(AudioCodecError) -> Int {
        guard samples > 0 else { throw .bufferTooSmall(capacity: pcm.count) }
        // SAFETY: libopus reads the packet and writes at most `samples * channels` values, which `pcm` holds.
        let result = unsafe packet.withUnsafeBytes { packet in
            unsafe pcm.withUnsafeMutableBufferPointer { output -> Int32 in
                guard let start = output.baseAddress else { return OPUS_BUFFER_TOO_SMALL }
                return unsafe opus_decode(
                    decoder, packet.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(clamping: packet.count),
                    start, Int32(clamping: samples), usesFEC ? 1 : 0)
            }
        }
        guard result >= 0 else { throw OpusFormat.error(result, capacity: pcm.count) }
        return Int(result)
    }
}
