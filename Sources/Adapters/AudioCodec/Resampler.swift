internal import CSpeexDSP

/// Changes the sample rate of 16-bit PCM. Keeps its filter's history between calls, so a stream may come in pieces
/// of any size; nothing is allocated after `init`.
// SAFETY: no pointer leaves this type, and each is valid until deinit.
@safe
package final class Resampler {
    /// What one call did, in samples per channel.
    package struct Progress: Hashable, Sendable {
        /// How much of the input was used; what is beyond must be offered again.
        package let consumed: Int
        /// How much output was written.
        package let produced: Int
    }

    /// Rates that voice clients and sound cards use, in Hz.
    package static let sampleRates = 8000...192_000

    package let inputRate: Int
    package let outputRate: Int
    package let channels: Int
    private let state: OpaquePointer

    /// - Parameters:
    ///   - inputRate: in Hz, 8000 to 192000.
    ///   - outputRate: in Hz, 8000 to 192000.
    ///   - channels: 1, or 2 interleaved.
    ///   - quality: 0 to 10; 4 costs little and is good for speech.
    package init(inputRate: Int, outputRate: Int, channels: Int, quality: Int = 4) throws(AudioCodecError) {
        guard Self.sampleRates.contains(inputRate) else { throw .unsupportedSampleRate(inputRate) }
        guard Self.sampleRates.contains(outputRate) else { throw .unsupportedSampleRate(outputRate) }
        guard channels == 1 || channels == 2 else { throw .unsupportedChannelCount(channels) }
        guard (0...10).contains(quality) else { throw .unsupportedQuality(quality) }
        var status: Int32 = 0
        // SAFETY: the call only stores its status.
        guard
            let state = unsafe speex_resampler_init(
                UInt32(channels), UInt32(inputRate), UInt32(outputRate), Int32(quality), &status)
        else { throw .library(Int(status)) }
        // Without this the first output would be the filter's silent run-up.
        unsafe speex_resampler_skip_zeros(state)
        unsafe self.state = state
        self.inputRate = inputRate
        self.outputRate = outputRate
        self.channels = channels
    }

    // SAFETY: the state is freed once, by its only owner.
    deinit { unsafe speex_resampler_destroy(state) }

    /// Samples per channel that `input` samples can become at most.
    package func capacity(for input: Int) -> Int {
        (input * outputRate + inputRate - 1) / inputRate + 1
    }

    /// Resamples interleaved samples until the input is used up or the output is full.
    package func process(_ input: Span<Int16>, into output: inout MutableSpan<Int16>) -> Progress {
        var consumed = UInt32(clamping: input.count / channels)
        var produced = UInt32(clamping: output.count / channels)
        guard consumed > 0, produced > 0 else { return Progress(consumed: 0, produced: 0) }
        // SAFETY: the lengths are in samples per channel and lie within both buffers.
        let status = unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe speex_resampler_process_interleaved_int(
                    state, input.baseAddress, &consumed, output.baseAddress, &produced)
            }
        }
        // The only error is an overlap of input and output, where nothing is done.
        guard status == 0 else { return Progress(consumed: 0, produced: 0) }
        return Progress(consumed: Int(consumed), produced: Int(produced))
    }

    /// Forgets the past, as at the start of another stream.
    package func reset() {
        // SAFETY: the state lives as long as this value.
        unsafe speex_resampler_reset_mem(state)
        unsafe speex_resampler_skip_zeros(state)
    }
}
