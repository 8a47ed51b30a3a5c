#if canImport(Glibc)
    import Glibc
#endif

/// Measures how much of one frequency is in a piece of 16-bit PCM (Goertzel's algorithm).
package struct ToneDetector: Sendable {
    package let sampleRate: Int

    package init(sampleRate: Int) { self.sampleRate = sampleRate }

    /// The peak amplitude of the frequency, 0 to 32767. Exact when whole periods are given.
    package func amplitude(of frequency: Double, in pcm: some Collection<Int16>) -> Double {
        guard !pcm.isEmpty else { return 0 }
        let coefficient = 2 * cos(2 * .pi * frequency / Double(sampleRate))
        var previous = 0.0
        var beforePrevious = 0.0
        for sample in pcm {
            let value = Double(sample) + coefficient * previous - beforePrevious
            beforePrevious = previous
            previous = value
        }
        let power = previous * previous + beforePrevious * beforePrevious - coefficient * previous * beforePrevious
        return 2 * max(0, power).squareRoot() / Double(pcm.count)
    }

    /// Root mean square of the samples.
    package func level(of pcm: some Collection<Int16>) -> Double {
        guard !pcm.isEmpty else { return 0 }
        return (pcm.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(pcm.count)).squareRoot()
    }

    /// The part of the sound's power that lies at the frequency: 1 for a pure tone, near 0 when it is absent.
    package func purity(of frequency: Double, in pcm: some Collection<Int16>) -> Double {
        let total = level(of: pcm)
        guard total > 0 else { return 0 }
        let tone = amplitude(of: frequency, in: pcm) / 2.0.squareRoot()
        return min(1, (tone / total) * (tone / total))
    }

    /// The strongest of some frequencies, nil for silence (an RMS level under 50).
    package func strongest(of frequencies: [Double], in pcm: [Int16]) -> Double? {
        guard level(of: pcm) >= 50 else { return nil }
        return frequencies.max { amplitude(of: $0, in: pcm) < amplitude(of: $1, in: pcm) }
    }
}
