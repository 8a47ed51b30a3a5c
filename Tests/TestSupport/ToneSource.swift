#if canImport(Glibc)
    import Glibc
#endif

/// Endless 16-bit PCM of one sine wave; every call continues where the last one ended.
package struct ToneSource: Sendable {
    package let frequency: Double
    package let sampleRate: Int
    /// Peak, from 0 to 32767.
    package let amplitude: Double
    private var position = 0

    /// - Parameters:
    ///   - frequency: in Hz.
    ///   - sampleRate: in Hz.
    ///   - amplitude: peak value.
    package init(frequency: Double, sampleRate: Int, amplitude: Double = 10_000) {
        self.frequency = frequency
        self.sampleRate = sampleRate
        self.amplitude = amplitude
    }

    /// The next samples; with two channels each value stands twice.
    package mutating func next(_ samples: Int, channels: Int = 1) -> [Int16] {
        var pcm: [Int16] = []
        pcm.reserveCapacity(samples * channels)
        for _ in 0..<samples {
            let value = Int16(amplitude * sin(2 * .pi * frequency * Double(position) / Double(sampleRate)))
            for _ in 0..<channels { pcm.append(value) }
            position += 1
        }
        return pcm
    }
}
