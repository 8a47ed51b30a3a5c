import Bridge
import ClientProtocol
import LoadGenerator
import TestSupport
import Testing
import Wire

@Suite("Background noise that need not be sent")
struct SilenceSuppressionTests {
    /// One that is shown frames at 16 kHz.
    private final class Subject {
        private var suppression = SilenceSuppression(sampleRate: 16_000)
        private var random = SplitMix64(seed: 7)
        private var tone = ToneSource(frequency: 440, sampleRate: 16_000, amplitude: 400)

        func judge(_ frame: [Int16], isStart: Bool = false) -> SilenceSuppression.Verdict {
            suppression.judge(frame.span, isStart: isStart)
        }
        func noise(_ loudness: Double) -> [Int16] {
            (0..<320).map { _ in Int16(Double.random(in: -1...1, using: &random) * loudness * 3.0.squareRoot()) }
        }
        func silence(_ frames: Int) -> [SilenceSuppression.Verdict] {
            (0..<frames).map { _ in judge([Int16](repeating: 0, count: 320)) }
        }
        func noises(_ frames: Int, _ loudness: Double) -> [SilenceSuppression.Verdict] {
            (0..<frames).map { _ in judge(noise(loudness)) }
        }
        func hum() -> [Int16] { tone.next(320) }
    }

    @Test("before the first sound only packets without sound are sent, one every 400 ms")
    func beforeSound() {
        let subject = Subject()
        #expect(subject.judge([Int16](repeating: 0, count: 320), isStart: true) == .pause)
        #expect(subject.silence(100).count { $0 == .pause } == 5)
        #expect(subject.noises(1, 100) == [.sound(resumes: true)])
    }

    @Test("silence is sent for 400 ms; then comes a pause with a frame every 400 ms")
    func silence() {
        let subject = Subject()
        _ = subject.noises(2, 100)
        #expect(subject.silence(20).allSatisfy { $0 == .sound(resumes: false) })
        // What a decoder takes for the noise of the room is what it gets between two packets without sound.
        #expect(subject.silence(3) == [.pause, .noise, .pause])
        for _ in 0..<5 {
            #expect(subject.silence(18).allSatisfy { $0 == .nothing })
            #expect(subject.silence(2) == [.noise, .pause])
        }
    }

    @Test(
        "of noise every frame is sent until it has been steady for two seconds, and few from then on",
        arguments: [30.0, 90, 250])
    func noise(loudness: Double) {
        let subject = Subject()
        #expect(subject.noises(1, loudness) == [.sound(resumes: true)])
        #expect(subject.noises(98, loudness).allSatisfy { $0 == .sound(resumes: false) })
        let after = subject.noises(1001, loudness)
        #expect(after.first == .pause)
        #expect(after.count { if case .sound = $0 { true } else { false } } <= 20)
        #expect(after.count { $0 == .noise } <= 60)
    }

    @Test("the first frame that is louder ends the pause, in the middle of it too")
    func onset() {
        for pauses in 3..<30 {
            let subject = Subject()
            _ = subject.noises(100 + pauses, 40)
            #expect(subject.judge(subject.noise(90)) == .sound(resumes: true))
            #expect(subject.judge(subject.noise(90)) == .sound(resumes: false))
        }
    }

    @Test("a sound that begins in the last milliseconds of a frame is in time")
    func lateOnset() {
        let subject = Subject()
        _ = subject.noises(110, 40)
        var frame = subject.noise(40)
        for index in 290..<320 { frame[index] += index.isMultiple(of: 2) ? 200 : -200 }
        #expect(subject.judge(frame) == .sound(resumes: true))
    }

    @Test("a soft consonant is heard above a rumble that is louder")
    func consonant() {
        let subject = Subject()
        var (random, level) = (SplitMix64(seed: 3), 0.0)
        func rumble() -> [Int16] {
            (0..<320).map { _ in
                level = 0.985 * level + Double.random(in: -1...1, using: &random) * 60
                return Int16(level)
            }
        }
        for _ in 0..<140 { _ = subject.judge(rumble()) }
        #expect(subject.judge(rumble()) != .sound(resumes: false))
        let hiss = subject.noise(100)
        #expect(subject.judge(zip(rumble(), hiss).map { $0 + $1 }) == .sound(resumes: true))
    }

    @Test("a single louder frame delays the pause by 100 ms, and a word by 400 ms")
    func hangover() {
        let subject = Subject()
        _ = subject.noises(2, 100)
        _ = subject.silence(60)
        #expect(subject.judge(subject.noise(200)) == .sound(resumes: true))
        #expect(
            subject.silence(6) == [SilenceSuppression.Verdict](repeating: .sound(resumes: false), count: 5) + [.pause])
        _ = subject.noises(3, 200)
        #expect(
            subject.silence(21) == [SilenceSuppression.Verdict](repeating: .sound(resumes: false), count: 20) + [.pause]
        )
    }

    @Test("a steady tone or a held vowel is no noise, nor is anything loud")
    func pitch() {
        let subject = Subject()
        _ = subject.judge(subject.hum())
        for _ in 0..<1000 { #expect(subject.judge(subject.hum()) == .sound(resumes: false)) }
        #expect(subject.noises(1000, 700).allSatisfy { $0 == .sound(resumes: false) })
    }

    @Test("when the room becomes quieter, what is louder than that is no noise any more")
    func quieter() {
        let subject = Subject()
        _ = subject.noises(150, 250)
        _ = subject.noises(200, 30)
        #expect(subject.judge(subject.noise(150)) == .sound(resumes: true))
    }

    @Test("the first frame of a flow is sent whatever it is")
    func starts() {
        let subject = Subject()
        _ = subject.noises(2, 100)
        _ = subject.silence(40)
        #expect(subject.judge([Int16](repeating: 0, count: 320), isStart: true) == .sound(resumes: false))
    }

    // MARK: With libopus

    private func noise(_ frames: Int, loudness: Double) -> [[Int16]] {
        var random = SplitMix64(seed: 7)
        return (0..<frames).map { _ in
            (0..<320).map { _ in Int16(Double.random(in: -1...1, using: &random) * loudness * 3.0.squareRoot()) }
        }
    }

    @Test("a quiet room and a noisy one cost an encoding and two packets each 400 ms", arguments: [0, 8, 70, 300])
    func cost(loudness: Double) throws {
        let coders = CountingCoders()
        let harness = try Harness(coders: coders)
        harness.room.welcome()
        for frame in noise(120, loudness: loudness) { harness.stream(frame) }
        let before = (encoded: coders.encoded, numbers: harness.session.currentStatistics)
        for frame in noise(1000, loudness: loudness) { harness.stream(frame) }
        let after = harness.session.currentStatistics
        #expect(coders.encoded - before.encoded <= 80)
        let sent = after.packetsSent - before.numbers.packetsSent
        #expect(sent <= 140)
        #expect(sent + after.packetsSuppressed - before.numbers.packetsSuppressed == 1000)
        #expect(after.uplinkSamples - before.numbers.uplinkSamples == 960_000)
    }

    @Test(
        "a pause sounds like the room: no dead line, no click, and it is over with the first sound",
        arguments: [20.0, 70, 300])
    func comfort(loudness: Double) throws {
        let harness = try Harness(coders: LibraryCoders())
        harness.room.welcome()
        let played = harness.clock.now
        for frame in noise(400, loudness: loudness) { harness.stream(frame) }
        let packets = harness.room.packets.filter { $0.at >= played }
        let heard = try RoomListener(sampleRate: 16_000).hear(packets, atLeast: 128_000)
        let level = decibels(noise(50, loudness: loudness).flatMap { $0 })
        for start in stride(from: 16_000, to: heard.count - 640, by: 640) {
            let piece = heard[start..<start + 640]
            #expect(decibels(piece) > level - 9 && decibels(piece) < level + 3, "at \(start / 16) ms")
        }
        #expect(heard.map { abs(Int($0)) }.max()! < Int(loudness * 6))
        // One packet after the other until the noise is known, then few.
        #expect(packets.count < 100 + 60)
    }

    @Test("of a soft voice in noise every frame that can be heard is sent", arguments: [1, 15, 40] as [Double])
    func softVoice(background: Double) throws {
        let harness = try Harness(coders: LibraryCoders())
        harness.room.welcome()
        let voice = LoadSpeech.samples()
        let hiss = noise(voice.count + 150, loudness: background)
        for frame in hiss[..<150] { harness.stream(frame) }
        var (spurt, unheard, words) = (0, 0, 0)
        for (number, frame) in voice.enumerated() {
            let isWord = SoundLevel.rootMeanSquare(frame.span) > LoadSpeech.loudness
            spurt = isWord ? spurt + 1 : 0
            // -45 dB, and each spurt swells in 200 ms.
            let gain = 0.08 * min(1, Double(spurt) / 10)
            let soft = frame.map { Int16(Double($0) * gain) }
            let sent = harness.room.packets.count
            harness.stream(zip(soft, hiss[150 + number]).map { $0 + $1 })
            let isSent = harness.room.packets.count > sent
            let loudness = SoundLevel.rootMeanSquare(soft.span)
            guard isWord, Double(loudness) > max(16, background) else { continue }
            words += 1
            if !isSent { unheard += 1 }
        }
        #expect(words > 100 && unheard == 0)
    }
}
