internal import AudioCodec

/// Coders of libopus and speexdsp.
package final class LibraryCoders: AudioCoderFactory {
    private let profile: OpusProfile

    package init(profile: OpusProfile = OpusProfile()) { self.profile = profile }

    package func makeEncoder(
        sampleRate: Int, for listener: EncoderListener
    ) throws(AudioCoderFailure) -> any SpeechEncoder {
        switch listener {
        case .room(let link):
            try LibraryEncoder(sampleRate: sampleRate, profile.forRoom(sampleRate: sampleRate, over: link))
        case .client: try LibraryEncoder(sampleRate: sampleRate, profile.forClient())
        }
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

private final class LibraryEncoder: SpeechEncoder {
    private let encoder: OpusEncoder
    let leavesNoiseOut = true

    init(sampleRate: Int, _ configuration: OpusEncoder.Configuration) throws(AudioCoderFailure) {
        encoder = try LibraryCoders.wrap { () throws(AudioCodecError) in
            try OpusEncoder(sampleRate: sampleRate, channels: 1, configuration: configuration)
        }
    }

    func encode(_ frame: Span<Int16>, isIndependent: Bool, into packet: inout MutableSpan<UInt8>) -> Int? {
        if isIndependent { encoder.beginAnew() }
        return try? encoder.encode(frame, into: &packet)
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
            var room = piece.mutableSpan
            let progress = resampler.process(samples.extracting(offset..<samples.count), into: &room)
            guard progress.consumed > 0 || progress.produced > 0 else { return }
            output.append(contentsOf: piece[..<progress.produced])
            offset += progress.consumed
        }
    }
}
