package import AudioCodec
internal import Glibc
internal import Wire

/// What the clients of a load test say: twelve seconds of a synthetic voice, over and over. Made once for all clients.
///
/// A steady tone will not do: codecs take it for background noise after a second and stop sending. So this is a
/// buzzing source through moving resonances, with hissing between, as loud and as restless as speech, in spurts with
/// pauses of room noise between.
package struct LoadSpeech: Sendable {
    /// What is sent each 20 ms.
    package struct Frame: Sendable {
        /// The message; empty when nothing is sent (Opus with DTX).
        package let message: [UInt8]
        package let isLoud: Bool
        /// The first frame after a pause.
        package let isOnset: Bool
    }

    package static let sampleRate = 16_000
    package static let frameSamples = 320
    package static let frameDuration = Duration.milliseconds(20)
    /// Spurts and the pauses behind them, in frames: 77 % of twelve seconds.
    package static let pattern = [(150, 25), (120, 30), (130, 60), (60, 25)]
    /// The longest pause.
    package static let longestPause = Duration.milliseconds(1200)
    /// What is louder counts as speech at either end (root mean square of 16-bit samples).
    package static let loudness = 300
    /// Of the noise in the pauses: that of a quiet room.
    private static let noise = 8.0

    package let frames: [Frame]
    /// The noise alone.
    package let quiet: [Frame]
    /// Nothing but zeros.
    package let silence: [Frame]
    /// Packets by their bytes, so that a client that hears one knows which it is; only for Opus.
    package let packets: [[UInt8]: Bool]

    /// - Parameter isOpus: packets in place of PCM.
    package init(isOpus: Bool) throws(AudioCodecError) {
        var voice = SyntheticVoice()
        var speech: [[Int16]] = []
        for (spurt, pause) in Self.pattern {
            for _ in 0..<spurt { speech.append(voice.frame(isSpeaking: true, noise: Self.noise)) }
            for _ in 0..<pause { speech.append(voice.frame(isSpeaking: false, noise: Self.noise)) }
        }
        let noise = (0..<600).map { _ in voice.frame(isSpeaking: false, noise: Self.noise) }
        let zeros = [[Int16](repeating: 0, count: Self.frameSamples)]
        if isOpus {
            frames = try Self.encoded(speech)
            quiet = try Self.encoded(noise)
            silence = [Frame(message: [], isLoud: false, isOnset: false)]
            packets = Dictionary(
                frames.filter { !$0.message.isEmpty }.map { ($0.message, $0.isLoud) }, uniquingKeysWith: { $0 || $1 })
        } else {
            frames = Self.plain(speech)
            quiet = Self.plain(noise)
            silence = Self.plain(zeros)
            packets = [:]
        }
    }

    /// The samples of the voice alone, for programs that measure a codec with the same sound.
    package static func samples() -> [[Int16]] {
        var voice = SyntheticVoice()
        return pattern.flatMap { spurt, pause in
            (0..<spurt + pause).map { voice.frame(isSpeaking: $0 < spurt, noise: noise) }
        }
    }

    private static func plain(_ samples: [[Int16]]) -> [Frame] {
        var wasLoud = false
        return samples.map { frame in
            let message = frame.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
            let isLoud = Self.isLoud(message.span.bytes)
            defer { wasLoud = isLoud }
            return Frame(message: message, isLoud: isLoud, isOnset: isLoud && !wasLoud)
        }
    }

    private static func encoded(_ samples: [[Int16]]) throws(AudioCodecError) -> [Frame] {
        let encoder = try OpusEncoder(sampleRate: sampleRate, channels: 1)
        var packet = [UInt8](repeating: 0, count: OpusEncoder.maximumPacketLength)
        var frames: [Frame] = []
        for (pcm, frame) in zip(samples, plain(samples)) {
            var room = packet.mutableSpan
            let length = try encoder.encode(pcm.span, into: &room)
            // What DTX leaves out is not sent.
            let isSent = length > 2
            frames.append(
                Frame(
                    message: isSent ? Array(packet[..<length]) : [], isLoud: frame.isLoud, isOnset: frame.isOnset))
        }
        return frames
    }

    /// Whether a piece of 16-bit PCM is speech. Looks at every fourth sample, which is enough for that.
    package static func isLoud(_ bytes: RawSpan) -> Bool {
        var sum = 0
        var count = 0
        var offset = 0
        while offset + 1 < bytes.byteCount {
            let sample = Int(Int16(bitPattern: bytes.bigEndianUInt16(at: offset).byteSwapped))
            sum &+= sample &* sample
            count &+= 1
            offset &+= 8
        }
        return sum > count &* loudness &* loudness
    }
}

/// A source-filter voice: pulses and noise through three resonances that move from vowel to vowel.
private struct SyntheticVoice {
    /// Frequencies of the first three resonances of some vowels, in Hz.
    private static let vowels: [(Double, Double, Double)] = [
        (730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410), (440, 1020, 2240),
    ]
    private static let rate = Double(LoadSpeech.sampleRate)

    private var random = LoadRandom(seed: 20)
    private var time = 0
    private var phase = 0.0
    private var vowel = 0
    private var syllableLength = 3000
    private var syllableTime = 0
    private var isHissing = false
    private var resonances = [Resonance](repeating: Resonance(), count: 3)

    private struct Resonance {
        private var first = 0.0
        private var second = 0.0

        /// A two-pole filter with unit gain at its centre, roughly.
        mutating func pass(_ input: Double, frequency: Double, bandwidth: Double) -> Double {
            let radius = exp(-Double.pi * bandwidth / SyntheticVoice.rate)
            let output =
                input * (1 - radius) + 2 * radius * cos(2 * Double.pi * frequency / SyntheticVoice.rate) * first
                - radius * radius * second
            second = first
            first = output
            return output
        }
    }

    mutating func frame(isSpeaking: Bool, noise: Double) -> [Int16] {
        (0..<LoadSpeech.frameSamples).map { _ in
            let background = (random.nextUnit() * 2 - 1) * noise * 1.7
            guard isSpeaking else { return Int16(background) }
            return Int16(max(-30_000, min(30_000, nextSample() + background)))
        }
    }

    private mutating func nextSample() -> Double {
        time += 1
        syllableTime += 1
        if syllableTime >= syllableLength {
            syllableTime = 0
            syllableLength = Int(Self.rate * (0.12 + 0.12 * random.nextUnit()))
            vowel = Int(random.nextUnit() * Double(Self.vowels.count)) % Self.vowels.count
            isHissing = random.nextUnit() < 0.2
        }
        // The pitch falls and rises slowly, as in a sentence.
        let pitch = 130 + 25 * sin(2 * Double.pi * Double(time) / (Self.rate * 1.7))
        phase += pitch / Self.rate
        var pulse = 0.0
        if phase >= 1 {
            phase -= 1
            pulse = 40
        }
        let breath = random.nextUnit() * 2 - 1
        let source = isHissing ? breath * 4 : pulse + breath * 0.3
        let place = Self.vowels[vowel]
        let shift = isHissing ? 1.6 : 1.0
        let sum =
            resonances[0].pass(source, frequency: place.0, bandwidth: 80)
            + 0.7 * resonances[1].pass(source, frequency: min(place.1 * shift, 7000), bandwidth: 110)
            + 0.4 * resonances[2].pass(source, frequency: min(place.2 * shift, 7400), bandwidth: 160)
        // Syllables swell and fade, but never below what counts as speech.
        let swell = 0.45 + 0.55 * sin(Double.pi * Double(syllableTime) / Double(syllableLength))
        return sum * swell * 4200
    }
}

/// A small generator of numbers that look random and are the same in every run (SplitMix64).
package struct LoadRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// From 0 up to 1.
    mutating func nextUnit() -> Double { Double(next() >> 11) / Double(1 << 53) }
}
