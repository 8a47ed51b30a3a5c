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
        _ packet: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>
    ) throws(AudioCodecError) -> Int {
        // SAFETY: libopus reads and writes within the lengths that it is given, during the call only.
        guard unsafe !packet.isEmpty else { throw .invalidPacket }
        return try unsafe run(packet, pcm, samples: pcm.count / channels, usesFEC: false)
    }

    /// Recovers the packet before `next`, which was lost, from the coarse copy in `next`. Without such a copy the
    /// loss is concealed.
    /// - Parameter samples: per channel, how long the lost packet was; a multiple of 2.5 ms.
    package func decodeFEC(
        _ next: UnsafeRawBufferPointer, samples: Int, into pcm: UnsafeMutableBufferPointer<Int16>
    ) throws(AudioCodecError) -> Int {
        // SAFETY: libopus reads and writes within the lengths that it is given, during the call only.
        guard unsafe !next.isEmpty else { throw .invalidPacket }
        try unsafe checkGap(samples, pcm)
        return try unsafe run(next, pcm, samples: samples, usesFEC: true)
    }

    /// Invents sound for a lost packet from what came before, fading out over several calls.
    /// - Parameter samples: per channel, how long the lost packet was; a multiple of 2.5 ms.
    package func conceal(
        samples: Int, into pcm: UnsafeMutableBufferPointer<Int16>
    ) throws(AudioCodecError) -> Int {
        // SAFETY: libopus reads and writes within the lengths that it is given, during the call only.
        try unsafe checkGap(samples, pcm)
        return try unsafe run(UnsafeRawBufferPointer(start: nil, count: 0), pcm, samples: samples, usesFEC: false)
    }

    /// Forgets the past, as after a pause or at the start of another stream.
    // SAFETY: the decoder lives as long as this value.
    package func reset() { _ = unsafe copus_decoder_reset(decoder) }

    private func checkGap(_ samples: Int, _ pcm: UnsafeMutableBufferPointer<Int16>) throws(AudioCodecError) {
        guard samples > 0, samples <= maximumSamples, (samples * 400).isMultiple(of: sampleRate) else {
            throw .unsupportedFrameLength(samples)
        }
        guard samples * channels <= pcm.count else { throw .bufferTooSmall(capacity: pcm.count) }
    }

    private func run(
        _ packet: UnsafeRawBufferPointer, _ pcm: UnsafeMutableBufferPointer<Int16>, samples: Int, usesFEC: Bool
    ) throws(AudioCodecError) -> Int {
        guard let output = pcm.baseAddress, samples > 0 else { throw .bufferTooSmall(capacity: pcm.count) }
        // SAFETY: libopus reads the packet and writes at most `samples * channels` values, which `pcm` holds.
        let result = unsafe opus_decode(
            decoder, packet.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(clamping: packet.count), output,
            Int32(clamping: samples), usesFEC ? 1 : 0)
        guard result >= 0 else { throw OpusFormat.error(result, capacity: pcm.count) }
        return Int(result)
    }
}
