/// How loud a frame is: mean squares of samples, of 32768².
struct FramePower: Sendable {
    /// All of it.
    var frame: Float
    /// Its loudest 5 ms.
    var loudest: Float
    /// Of the differences between neighbouring samples, the loudest 5 ms.
    var treble: Float
}

/// The caller's latest 45 ms. Measures frames, and tells sounds with a pitch from noise. Allocates nothing once it runs.
struct RecentFrames: Sendable {
    /// Correlation from which on a sound has a pitch.
    private static let pitched: Float = 0.6

    /// Samples of 5 ms.
    private let blockLength: Int
    /// So many samples become one in `past`, which leaves 8 kHz or 12 kHz.
    private let decimation: Int
    /// The rate of `past`, in Hz.
    private let pastRate: Int
    /// Differences between samples at the lower rate, oldest first.
    private var past: [Float]
    private var lastAverage: Float = 0
    /// How much of `past` is known to be zero, from its end on.
    private var zeros: Int

    /// - Parameter sampleRate: of frames, in Hz.
    init(sampleRate: Int) {
        blockLength = max(1, sampleRate / 200)
        decimation = max(1, sampleRate / 8000)
        pastRate = sampleRate / max(1, sampleRate / 8000)
        past = [Float](repeating: 0, count: pastRate * 45 / 1000)
        zeros = past.count
    }

    /// Takes the next frame.
    mutating func append(_ frame: Span<Int16>) -> FramePower {
        var power = FramePower(frame: 0, loudest: 0, treble: 0)
        var start = 0
        while start < frame.count {
            let end = min(start + blockLength, frame.count)
            var (sum, differences): (Float, Float) = (0, 0)
            var last = Float(frame[start])
            for index in start..<end {
                let sample = Float(frame[index])
                sum += sample * sample
                differences += (sample - last) * (sample - last)
                last = sample
            }
            power.frame += sum
            power.loudest = max(power.loudest, sum / Float(end - start))
            power.treble = max(power.treble, differences / Float(end - start))
            start = end
        }
        // Whoever is muted sends zeros for minutes: there is nothing to keep.
        if power.frame > 0 || lastAverage != 0 || zeros < past.count { keep(frame, isZero: power.frame == 0) }
        power.frame /= Float(max(1, frame.count))
        return power
    }

    private mutating func keep(_ frame: Span<Int16>, isZero: Bool) {
        let new = min(frame.count / decimation, past.count)
        zeros = isZero && lastAverage == 0 ? min(zeros + new, past.count) : 0
        let kept = past.count - new
        for index in 0..<kept { past[index] = past[index + new] }
        for index in 0..<new {
            var sum: Float = 0
            for offset in 0..<decimation { sum += Float(frame[index * decimation + offset]) }
            let average = sum / Float(decimation)
            past[kept + index] = average - lastAverage
            lastAverage = average
        }
    }

    /// Whether the last 20 ms are like what was 2.5 to 25 ms before, as in tones and vowels. Differences between samples
    /// are compared: a rumble without pitch has long waves, too.
    var hasPitch: Bool {
        let window = pastRate / 50
        let start = past.count - window
        var energy: Float = 0
        for index in start..<past.count { energy += past[index] * past[index] }
        guard energy > 0 else { return false }
        for lag in pastRate / 400...pastRate / 40 {
            var (product, earlier): (Float, Float) = (0, 0)
            for index in start..<past.count {
                product += past[index] * past[index - lag]
                earlier += past[index - lag] * past[index - lag]
            }
            if product > 0, product * product > Self.pitched * Self.pitched * energy * earlier { return true }
        }
        return false
    }
}
