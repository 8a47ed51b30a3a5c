internal import AudioCodec
internal import Glibc
internal import PeerConnection

/// Makes text into something that sounds like a parrot trying to speak: one syllable of two gliding tones for each
/// vowel, in a melody that follows the letters.
enum ParrotSpeech {
    /// Longer texts are cut there, in syllables.
    static let maximumSyllables = 40

    private static let sampleRate = 48_000
    private static let frame = 960

    /// Opus packets of 20 ms. Empty when the encoder cannot be had.
    static func packets(for text: String) -> [RecordedPacket] {
        guard let encoder = try? OpusEncoder(sampleRate: sampleRate, channels: 1) else { return [] }
        var pcm = pcm(for: text)
        pcm += [Int16](repeating: 0, count: frame - pcm.count % frame)
        var buffer = [UInt8](repeating: 0, count: OpusEncoder.maximumPacketLength)
        var packets: [RecordedPacket] = []
        for start in stride(from: 0, to: pcm.count, by: frame) {
            let part = pcm[start..<start + frame]
            var room = buffer.mutableSpan
            guard let length = try? encoder.encode(part.span, into: &room) else { continue }
            packets.append(
                RecordedPacket(
                    payload: Array(buffer[..<length]), timestamp: UInt32(start), samples: frame, level: level(of: part))
            )
        }
        return packets
    }

    /// The loudness of 16-bit samples as RTP states it (RFC 6464).
    static func level(of samples: some Collection<Int16>) -> AudioLevel {
        let rms = rootMeanSquare(of: samples)
        let decibels = rms < 1 ? 127 : min(127, max(0, -20 * log10(rms / 32_768)))
        return AudioLevel(negatedDecibels: UInt8(decibels), hasVoice: rms > ParrotListener.minimumLevel)
    }

    static func rootMeanSquare(of samples: some Collection<Int16>) -> Double {
        guard !samples.isEmpty else { return 0 }
        return (samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(samples.count)).squareRoot()
    }

    private static func pcm(for text: String) -> [Int16] {
        var samples: [Int16] = []
        var syllables = 0
        for character in text.lowercased() where syllables < maximumSyllables {
            if character.isWhitespace {
                samples += [Int16](repeating: 0, count: sampleRate * 60 / 1000)
            } else if "aeiouyäöü".contains(character) {
                syllables += 1
                let letter = Double(character.unicodeScalars.first.map { $0.value % 16 } ?? 0)
                samples += syllable(pitch: 180 + 12 * letter, formant: 500 + 90 * letter)
            }
        }
        // Text without vowels gets a single call.
        return samples.isEmpty ? syllable(pitch: 240, formant: 900) : samples
    }

    private static func syllable(pitch: Double, formant: Double) -> [Int16] {
        let count = sampleRate * 130 / 1000
        return (0..<count).map { index in
            let time = Double(index) / Double(sampleRate)
            let progress = Double(index) / Double(count)
            let envelope = sin(.pi * progress)
            let glide = 1 + 0.12 * progress
            let voice = sin(2 * .pi * pitch * glide * time) + 0.6 * sin(2 * .pi * formant * glide * time)
            return Int16(6000 * envelope * voice)
        }
    }
}
