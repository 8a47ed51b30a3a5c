/// The sound of telephone keys: a sine of a low group and one of a high group together (ITU-T Q.23).
package enum DTMFTone {
    /// How long a key sounds, and the silence behind it, in milliseconds: receivers want 40 of each at least (ITU-T Q.24).
    package static let toneMilliseconds = 100
    package static let pauseMilliseconds = 50
    /// Hz.
    private static let rows = [697.0, 770, 852, 941]
    private static let columns = [1209.0, 1336, 1477, 1633]
    private static let keys: [DTMFDigit] = [
        .one, .two, .three, .a, .four, .five, .six, .b, .seven, .eight, .nine, .c, .star, .zero, .pound, .d,
    ]
    /// Of each sine, in 16-bit samples: −9 dBm0, where one at full scale has +3.14 dBm0 (ITU-T G.711, A-law).
    static let amplitude = 8099.0

    /// - Returns: the two frequencies of a key, in Hz.
    static func frequencies(of digit: DTMFDigit) -> (low: Double, high: Double) {
        let place = keys.firstIndex(of: digit) ?? 0
        return (rows[place / columns.count], columns[place % columns.count])
    }

    /// The key and the silence behind it, as mono samples.
    ///
    /// - Parameter sampleRate: 8000 Hz or more.
    package static func samples(for digit: DTMFDigit, sampleRate: Int) -> [Int16] {
        let (low, high) = frequencies(of: digit)
        var sines = (Sine(low / Double(sampleRate)), Sine(high / Double(sampleRate)))
        var samples: [Int16] = []
        samples.reserveCapacity(sampleRate * (toneMilliseconds + pauseMilliseconds) / 1000)
        for _ in 0..<sampleRate * toneMilliseconds / 1000 {
            samples.append(Int16(amplitude * (sines.0.next() + sines.1.next())))
        }
        samples.append(contentsOf: repeatElement(0, count: sampleRate * pauseMilliseconds / 1000))
        return samples
    }

    /// A sine of amplitude 1 from its zero on, by a pointer that turns by the same angle each time.
    private struct Sine {
        private var pointer = (x: 1.0, y: 0.0)
        private var turn = (x: 0.0, y: 0.0)

        /// - Parameter frequency: in turns a sample, below 0.5.
        init(_ frequency: Double) {
            // The series of the exponential function, whose terms are below 1e-9 when they end.
            var term = 1.0
            for index in 0..<24 {
                switch index % 4 {
                case 0: turn.x += term
                case 1: turn.y += term
                case 2: turn.x -= term
                default: turn.y -= term
                }
                term *= 2 * .pi * frequency / Double(index + 1)
            }
        }

        mutating func next() -> Double {
            defer {
                pointer = (pointer.x * turn.x - pointer.y * turn.y, pointer.x * turn.y + pointer.y * turn.x)
            }
            return pointer.y
        }
    }
}
