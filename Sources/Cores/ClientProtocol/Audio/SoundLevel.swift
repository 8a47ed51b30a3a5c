/// How loud a frame is.
package enum SoundLevel {
    /// The root mean square of the samples, 0 to 32768; 0 for no samples.
    package static func rootMeanSquare(_ samples: Span<Int16>) -> Int {
        guard samples.count > 0 else { return 0 }
        var sum: Int64 = 0
        for index in samples.indices { sum &+= Int64(samples[index]) * Int64(samples[index]) }
        return Int((Double(sum) / Double(samples.count)).squareRoot())
    }

    /// A root mean square as the audio level of RFC 6464: 0 is full scale, 127 is silence, in -dBov.
    package static func audioLevel(rootMeanSquare: Int) -> UInt8 {
        guard rootMeanSquare > 0 else { return 127 }
        // 20·log10(32768 / x) by halving: 6.02 dB for each power of two, then a linear share of the last one.
        let leading = Int.bitWidth - 1 - rootMeanSquare.leadingZeroBitCount
        let fraction = Double(rootMeanSquare) / Double(1 << leading) - 1
        let decibels = (15 - Double(leading) - fraction) * 6.02
        return UInt8(min(127, max(0, decibels)))
    }

    /// The root mean square of sound with an audio level of RFC 6464: 0 for 127, which is silence.
    package static func rootMeanSquare(audioLevel: UInt8) -> Int { rootMeanSquares[Int(min(audioLevel, 127))] }

    private static let rootMeanSquares: [Int] = {
        // A tenth of the power, 10 dB, is 0.3162 of the amplitude; 1 dB is 0.8913.
        var amplitude = 32_768.0
        return (0...127).map { level in
            defer { amplitude *= 0.891_250_938_133_745_6 }
            return level == 127 ? 0 : Int(amplitude.rounded())
        }
    }()
}
