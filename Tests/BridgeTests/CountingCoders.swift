import Bridge

/// Other coders that are watched: how many there are, how often they are used, and what encoders are told.
final class CountingCoders: AudioCoderFactory {
    private final class Encoder: SpeechEncoder {
        private let encoder: any SpeechEncoder
        private let coders: CountingCoders
        init(_ encoder: any SpeechEncoder, _ coders: CountingCoders) {
            self.encoder = encoder
            self.coders = coders
            coders.encoders += 1
        }
        deinit { coders.encoders -= 1 }
        var leavesNoiseOut: Bool { encoder.leavesNoiseOut }
        func encode(_ frame: Span<Int16>, isIndependent: Bool, into packet: inout MutableSpan<UInt8>) -> Int? {
            coders.encoded += 1
            return encoder.encode(frame, isIndependent: isIndependent, into: &packet)
        }
        func expect(lossPercent: Int) {
            coders.losses.append(lossPercent)
            encoder.expect(lossPercent: lossPercent)
        }
    }

    private final class Decoder: SpeechDecoder {
        private let decoder: any SpeechDecoder
        private let coders: CountingCoders
        init(_ decoder: any SpeechDecoder, _ coders: CountingCoders) {
            self.decoder = decoder
            self.coders = coders
            coders.decoders += 1
        }
        deinit { coders.decoders -= 1 }
        func decode(_ packet: RawSpan, into samples: inout MutableSpan<Int16>) -> Int? {
            coders.decoded += 1
            return decoder.decode(packet, into: &samples)
        }
        func recover(_ count: Int, before next: RawSpan, into samples: inout MutableSpan<Int16>) -> Int? {
            decoder.recover(count, before: next, into: &samples)
        }
        func conceal(_ count: Int, into samples: inout MutableSpan<Int16>) -> Int? {
            decoder.conceal(count, into: &samples)
        }
        func reset() { decoder.reset() }
    }

    private let coders: any AudioCoderFactory
    /// Those that are there.
    private(set) var encoders = 0
    private(set) var decoders = 0
    /// Frames, and packets.
    private(set) var encoded = 0
    private(set) var decoded = 0
    private(set) var losses: [Int] = []

    init(_ coders: any AudioCoderFactory = LibraryCoders()) { self.coders = coders }

    func makeEncoder(sampleRate: Int, for listener: EncoderListener) throws(AudioCoderFailure) -> any SpeechEncoder {
        Encoder(try coders.makeEncoder(sampleRate: sampleRate, for: listener), self)
    }
    func makeDecoder(sampleRate: Int) throws(AudioCoderFailure) -> any SpeechDecoder {
        Decoder(try coders.makeDecoder(sampleRate: sampleRate), self)
    }
    func makeConverter(from inputRate: Int, to outputRate: Int) throws(AudioCoderFailure) -> any RateConverter {
        try coders.makeConverter(from: inputRate, to: outputRate)
    }
}
