internal import AudioCodec

/// Coders of libopus and speexdsp.
package final class LibraryCoders: AudioCoderFactory {
    private let complexity: Int

    /// - Parameter complexity: libopus's effort for encoding, 0 to 10.
    package init(complexity: Int = 5) { self.complexity = complexity }

    package func makeEncoder(sampleRate: Int) throws(AudioCoderFailure) -> any SpeechEncoder {
        try LibraryEncoder(sampleRate: sampleRate, complexity: complexity)
    }

    package func makeDecoder(sampleRate: Int) throws(AudioCoderFailure) -> any SpeechDecoder {
        try LibraryDecoder(sampleRate: sampleRate)
    }

    package func makeConverter(from inputRate: Int, to outputRate: Int) throws(AudioCoderFailure) -> any RateConverter {
        try LibraryConverter(from: inputRate, to: outputRate)
    }

    /// Runs `make` and names what failed.
    static func wrap<Coder>(_ make: () throws(AudioCodecError) -> Coder) throws(AudioCoderFailure) -> Coder {
        do throws(AudioCodecError) {
            return try make()
        } catch {
            throw AudioCoderFailure(message: "\(error)")
        }
    }
}

/// Speech at 24 kbit/s with DTX, and in-band FEC while packets are lost; complexity 5 costs half of what 10 does and
/// sounds alike.
private final class LibraryEncoder: SpeechEncoder {
    private let encoder: OpusEncoder

    init(sampleRate: Int, complexity: Int) throws(AudioCoderFailure) {
        var configuration = OpusEncoder.Configuration()
        configuration.complexity = complexity
        encoder = try LibraryCoders.wrap { () throws(AudioCodecError) in
            try OpusEncoder(sampleRate: sampleRate, channels: 1, configuration: configuration)
        }
    }

    func encode(_ frame: Span<Int16>, into packet: UnsafeMutableRawBufferPointer) -> Int? {
        // SAFETY: at most the buffer's length is written.
        unsafe try? encoder.encode(frame, into: packet)
    }

    func expect(lossPercent: Int) { encoder.expect(packetLoss: lossPercent) }
}

private final class LibraryDecoder: SpeechDecoder {
    private let decoder: OpusDecoder

    init(sampleRate: Int) throws(AudioCoderFailure) {
        decoder = try LibraryCoders.wrap { () throws(AudioCodecError) in
            try OpusDecoder(sampleRate: sampleRate, channels: 1)
        }
    }

    func decode(_ packet: RawSpan, into samples: inout MutableSpan<Int16>) -> Int? {
        try? decoder.decode(packet, into: &samples)
    }

    func recover(_ count: Int, before next: RawSpan, into samples: inout MutableSpan<Int16>) -> Int? {
        try? decoder.decodeFEC(next, samples: count, into: &samples)
    }

    func conceal(_ count: Int, into samples: inout MutableSpan<Int16>) -> Int? {
        try? decoder.conceal(samples: count, into: &samples)
    }

    func reset() { decoder.reset() }
}

private final class LibraryConverter: RateConverter {
    private let resampler: Resampler
    private var piece: [Int16]

    init(from inputRate: Int, to outputRate: Int) throws(AudioCoderFailure) {
        resampler = try LibraryCoders.wrap { () throws(AudioCodecError) in
            try Resampler(inputRate: inputRate, outputRate: outputRate, channels: 1)
        }
        piece = [Int16](repeating: 0, count: 2048)
    }

    func convert(_ samples: Span<Int16>, appendingTo output: inout [Int16]) {
        var offset = 0
        while offset < samples.count {
            // SAFETY: both pointers are used only during the call, and the input's range was checked.
            let progress = unsafe samples.extracting(offset..<samples.count).withUnsafeBufferPointer { input in
                unsafe piece.withUnsafeMutableBufferPointer { unsafe resampler.process(input, into: $0) }
            }
            guard progress.consumed > 0 || progress.produced > 0 else { return }
            output.append(contentsOf: piece[..<progress.produced])
            offset += progress.consumed
        }
    }
}
