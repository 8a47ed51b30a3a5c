/// Sound to measure with: something like a voice, which neither an encoder's DTX nor a silence gate takes for silence.
enum TestSound {
    /// Mono samples: a pulse train of changing pitch through two changing resonances, with a pause now and then.
    static func voice(sampleRate: Int, milliseconds: Int) -> [Int16] {
        let count = sampleRate * milliseconds / 1000
        var samples: [Int16] = []
        samples.reserveCapacity(count)
        var phase = 0.0
        var noise: UInt32 = 1
        var low = (0.0, 0.0)
        var high = (0.0, 0.0)
        for index in 0..<count {
            let time = Double(index) / Double(sampleRate)
            let syllable = Int(time / 0.18)
            let pitch = 110 + 30 * Double(syllable % 5) + 20 * (time * 5.5 - Double(syllable))
            phase += pitch / Double(sampleRate)
            noise = noise &* 1_664_525 &+ 1_013_904_223
            let hiss = Double(noise >> 16) / 32768 - 1
            var source = 0.03 * hiss
            if phase >= 1 {
                phase -= 1
                source += 1
            }
            if syllable % 7 == 6 { source = 0.002 * hiss }
            let frequencies = [(500.0, 1500.0), (700, 1100), (300, 2300), (400, 800)][syllable % 4]
            low = resonate(low, source, frequencies.0, sampleRate)
            high = resonate(high, source, frequencies.1, sampleRate)
            samples.append(Int16(max(-30_000, min(30_000, 5000 * (low.0 + 0.5 * high.0)))))
        }
        return samples
    }

    private static func resonate(
        _ state: (Double, Double), _ input: Double, _ frequency: Double, _ sampleRate: Int
    ) -> (Double, Double) {
        let radius = 0.97
        let turn = 2 * Double.pi * frequency / Double(sampleRate)
        // The cosine by its series: the angle is below two.
        let square = turn * turn
        let cosine = 1 - square / 2 + square * square / 24 - square * square * square / 720
        return (input + 2 * radius * cosine * state.0 - radius * radius * state.1, state.0)
    }

    static func bytes(_ samples: [Int16]) -> [UInt8] {
        samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }
}
