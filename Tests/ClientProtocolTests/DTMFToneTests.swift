import Foundation
import Testing
import Wire

@testable import ClientProtocol

@Suite("Keys as tones")
struct DTMFToneTests {
    private static let frequencies = [697.0, 770, 852, 941, 1209, 1336, 1477, 1633]

    /// How much of one frequency there is, as the peak of its sine (Goertzel's algorithm).
    private static func peak(of frequency: Double, in samples: some Collection<Int16>, sampleRate: Int) -> Double {
        let turn = 2 * Double.pi * frequency / Double(sampleRate)
        var (last, beforeLast) = (0.0, 0.0)
        for sample in samples { (last, beforeLast) = (Double(sample) + 2 * cos(turn) * last - beforeLast, last) }
        let power = last * last + beforeLast * beforeLast - 2 * cos(turn) * last * beforeLast
        return 2 * power.squareRoot() / Double(samples.count)
    }

    /// The frequencies that a receiver would take for pressed.
    static func heard(in samples: some Collection<Int16>, sampleRate: Int) -> [Double] {
        frequencies.filter { peak(of: $0, in: samples, sampleRate: sampleRate) > 4000 }
    }

    @Test(
        "each key has its two frequencies and no other, at each rate",
        arguments: [
            ("1", 697.0, 1209.0), ("2", 697, 1336), ("3", 697, 1477), ("A", 697, 1633), ("4", 770, 1209),
            ("5", 770, 1336), ("6", 770, 1477), ("B", 770, 1633), ("7", 852, 1209), ("8", 852, 1336), ("9", 852, 1477),
            ("C", 852, 1633), ("*", 941, 1209), ("0", 941, 1336), ("#", 941, 1477), ("D", 941, 1633),
        ] as [(Character, Double, Double)])
    func frequencies(key: Character, low: Double, high: Double) throws {
        let digit = try #require(DTMFDigit(rawValue: key))
        for rate in [8000, 16_000, 24_000, 48_000] {
            let samples = DTMFTone.samples(for: digit, sampleRate: rate)
            #expect(samples.count == rate * 150 / 1000)
            let tone = samples[..<(rate / 10)]
            #expect(Self.heard(in: tone, sampleRate: rate) == [low, high])
            for frequency in [low, high] {
                let level = 20 * log10(Self.peak(of: frequency, in: tone, sampleRate: rate) / 32768) + 3.14
                #expect(abs(level + 9) < 0.5)
            }
            #expect(samples[(rate / 10)...].allSatisfy { $0 == 0 })
        }
    }
}
