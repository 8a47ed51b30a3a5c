internal import ClientProtocol
package import PeerConnection

/// Finds out how loud the client's Opus packets are. Nothing else tells speech from silence: many clients send silence
/// without DTX. Belongs to one loop.
///
/// Decoding every packet would be a good part of what a session costs whose packets pass as they are. So a packet that
/// looks like the last one that was decoded is taken to be as loud, for 100 ms at most. The decoder, to which the packets
/// between are missing, may be wrong at first; while what it finds changes, every packet is decoded.
package final class PacketMeter {
    /// The rate of decoding, in Hz.
    private static let sampleRate = 16_000
    /// The longest packet in samples of that rate.
    private static let maximumSamples = sampleRate * 120 / 1000
    /// So much sound, in samples at 48 kHz, is measured once at least: 100 ms.
    private static let interval = 4800
    /// Root mean squares, of 32768: up to the first all silence is the same, from the second on all speech is.
    private static let silent = 33
    private static let loud = 1000

    /// A packet that was decoded.
    private struct Sample {
        var mode: OpusPacket.Mode
        var hasVoice: Bool?
        /// Bytes for each 20 ms.
        var density: Int
        var loudness: Int
    }

    private let coders: any AudioCoderFactory
    private let failures: CodingFailures
    private var decoder: (any SpeechDecoder)?
    private var scratch: [Int16] = []
    private var sample: Sample?
    /// Sound for which `sample` may still stand, in samples at 48 kHz.
    private var trusted = 0

    package init(coders: any AudioCoderFactory, failures: CodingFailures = CodingFailures()) {
        self.coders = coders
        self.failures = failures
    }

    /// How loud a packet is: the root mean square of its sound, of 32768; nil when it cannot be decoded.
    ///
    /// - Parameter isExact: something depends on this packet, so that a guess will not do.
    package func loudness(of bytes: RawSpan, _ packet: OpusPacket, isExact: Bool) -> Int? {
        if packet.isDiscontinuous {
            trusted = 0
            return 0
        }
        let density = bytes.byteCount * 960 / packet.sampleCount
        if !isExact, let sample, packet.sampleCount < trusted, Self.looksAlike(sample, packet, density) {
            trusted -= packet.sampleCount
            return sample.loudness
        }
        let loudness = decode(bytes)
        trusted = Self.isSteady(sample?.loudness, loudness) ? Self.interval : 0
        sample = loudness.map {
            Sample(mode: packet.mode, hasVoice: packet.hasVoice, density: density, loudness: $0)
        }
        return loudness
    }

    private func decode(_ bytes: RawSpan) -> Int? {
        if decoder == nil {
            do throws(AudioCoderFailure) {
                decoder = try coders.makeDecoder(sampleRate: Self.sampleRate)
            } catch {
                failures.note(.decoder)
            }
        }
        guard let decoder else { return nil }
        if scratch.isEmpty { scratch = [Int16](repeating: 0, count: Self.maximumSamples) }
        var room = scratch.mutableSpan
        guard let count = decoder.decode(bytes, into: &room) else { return nil }
        let samples = scratch
        return SoundLevel.rootMeanSquare(samples.span.extracting(first: count))
    }

    /// Speech makes packets of very different sizes; much smaller ones may be the pause behind it, and much larger ones
    /// the word after silence.
    private static func looksAlike(_ sample: Sample, _ packet: OpusPacket, _ density: Int) -> Bool {
        guard packet.mode == sample.mode, packet.hasVoice == sample.hasVoice else { return false }
        let mayBeSilence = sample.loudness > silent && density * 2 < sample.density
        let mayBeSpeech = sample.loudness < loud && density > sample.density * 3 / 2 + 8
        return !mayBeSilence && !mayBeSpeech
    }

    /// Whether what comes may be taken for the same. Where sound fades, the decoder may still have to follow.
    private static func isSteady(_ last: Int?, _ loudness: Int?) -> Bool {
        guard let last, let loudness else { return false }
        let rises = min(loudness, loud) > min(max(last, silent), loud) * 2
        let fades = max(loudness, silent) < max(last, silent) / 2
        return !rises && !fades
    }
}
