import Bridge
import TestSupport
import Testing
import Wire

@Suite("Speech and noise")
struct SpeechGateTests {
    private func at(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    /// Frames of 20 ms with these levels; the times in ms at which speech was found.
    private func speech(_ levels: [Int]) -> [Int] {
        var gate = SpeechGate()
        return levels.indices.filter { index in
            gate.note(rootMeanSquare: levels[index], milliseconds: 20, now: at(index * 20))
            return gate.isActive(now: at(index * 20))
        }.map { $0 * 20 }
    }

    @Test("words are speech from the first frame to 400 ms behind the last one")
    func words() {
        let levels = [Int](repeating: 0, count: 20) + [Int](repeating: 3000, count: 20) + [Int](repeating: 0, count: 60)
        #expect(speech(levels) == Array(stride(from: 400, through: 780 + 400, by: 20)))
    }

    @Test("noise of any strength is speech for two seconds at most", arguments: [40, 370, 2000, 20_000])
    func noise(level: Int) {
        var random = SplitMix64(seed: 1)
        // A rumble changes by 8 dB from frame to frame.
        let levels = (0..<1000).map { _ in level * Int.random(in: 60...150, using: &random) / 100 }
        #expect((speech(levels).last ?? 0) <= 2400)
    }

    @Test("someone who speaks for minutes over the noise of an office stays audible")
    func speechOverNoise() {
        var random = SplitMix64(seed: 2)
        // Words of 400 ms, 100 ms apart.
        let levels = (0..<9000).map { frame in
            frame % 25 < 20 ? Int.random(in: 2000...6000, using: &random) : Int.random(in: 100...200, using: &random)
        }
        #expect(speech(levels).count > levels.count * 95 / 100)
    }

    @Test("noise that DTX interrupts stays noise")
    func discontinuous() {
        var gate = SpeechGate()
        var found: [Int] = []
        for index in 0..<300 {
            gate.notePause(milliseconds: 400)
            gate.note(rootMeanSquare: 200 + index % 50, milliseconds: 20, now: at(index * 420))
            if gate.isActive(now: at(index * 420)) { found.append(index) }
        }
        #expect((found.last ?? 0) <= 3)
    }
}
