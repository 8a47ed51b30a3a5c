import AudioCodec
import Bridge
import ClientProtocol
import LoadGenerator
import TestSupport
import Testing
import Wire

@Suite("Silence that need not be sent")
struct SilenceSuppressionTests {
    /// An encoder that is asked or not.
    private final class Subject {
        private var transmission = SilenceSuppression()

        func leavesOut(_ loudness: Int, isSilent: Bool = true, isStart: Bool = false) -> Bool {
            transmission.leavesOut(rootMeanSquare: loudness, isSilent: isSilent, isStart: isStart)
        }
        func judge(bytes: Int, _ loudness: Int, isStart: Bool = false) -> SilenceSuppression.Verdict {
            transmission.judge(packetBytes: bytes, rootMeanSquare: loudness, isStart: isStart)
        }
        func encoderChanged() { transmission.encoderChanged() }
    }

    /// One that the encoder has just called silent.
    private func pausing(loudness: Int = 50) -> Subject {
        let subject = Subject()
        #expect(subject.judge(bytes: 40, 3000, isStart: true) == .send(resumes: false))
        #expect(subject.judge(bytes: 1, loudness) == .send(resumes: false))
        return subject
    }

    @Test("before the encoder has called a frame silent it is shown every frame")
    func beforeSilence() {
        let subject = Subject()
        #expect(!subject.leavesOut(0, isStart: true))
        _ = subject.judge(bytes: 40, 0, isStart: true)
        #expect(!subject.leavesOut(0))
    }

    @Test("after that it is shown one frame in 400 ms")
    func refresh() {
        let subject = pausing()
        for _ in 0..<5 {
            for _ in 0..<19 {
                #expect(subject.leavesOut(50))
            }
            #expect(!subject.leavesOut(50))
            #expect(subject.judge(bytes: 1, 50) == .suppress)
        }
    }

    @Test("a frame that is louder than what it has called silent, or that is none, it is shown at once")
    func louder() {
        let subject = pausing(loudness: 60)
        #expect(subject.leavesOut(75))
        #expect(!subject.leavesOut(76))
        #expect(!subject.leavesOut(60, isSilent: false))
        // It calls that silent, too: so much is silence from here on.
        #expect(subject.judge(bytes: 1, 80) == .suppress)
        #expect(subject.leavesOut(100))
    }

    @Test("what follows a pause is marked as its end, and the encoder decides anew what silence is")
    func resumes() {
        let subject = pausing()
        #expect(subject.judge(bytes: 40, 900) == .send(resumes: true))
        #expect(subject.judge(bytes: 40, 900) == .send(resumes: false))
        #expect(!subject.leavesOut(0))
    }

    @Test("the first frame of a flow is sent whatever it is, and a new encoder is shown every frame")
    func starts() {
        let subject = pausing()
        #expect(!subject.leavesOut(0, isStart: true))
        #expect(subject.judge(bytes: 1, 0, isStart: true) == .send(resumes: false))
        subject.encoderChanged()
        #expect(!subject.leavesOut(0))
    }

    // MARK: With libopus

    private func noise(_ frames: Int, loudness: Double) -> [[Int16]] {
        var random = SplitMix64(seed: 7)
        return (0..<frames).map { _ in
            (0..<320).map { _ in Int16(Double.random(in: -1...1, using: &random) * loudness * 3.0.squareRoot()) }
        }
    }

    @Test(
        "silence and noise cost an encoding each 400 ms, and count as packets that were not sent",
        arguments: [0, 8, 70])
    func cost(loudness: Double) throws {
        let coders = CountingCoders()
        let harness = try Harness(coders: coders)
        harness.room.welcome()
        for frame in noise(100, loudness: loudness) {
            harness.send(frame)
            harness.clock.advance(by: .milliseconds(20))
        }
        let before = (encoded: coders.encoded, numbers: harness.session.currentStatistics)
        for frame in noise(1000, loudness: loudness) {
            harness.send(frame)
            harness.clock.advance(by: .milliseconds(20))
        }
        let after = harness.session.currentStatistics
        let reference = try LibraryCoders().makeEncoder(sampleRate: 16_000)
        let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 1500, alignment: 16)
        // SAFETY: the buffer was allocated here, and nothing uses it any more.
        defer { unsafe packet.deallocate() }
        var alone = 0
        for frame in noise(1000, loudness: loudness) {
            if unsafe reference.encode(frame.span, into: packet) ?? 0 > 2 { alone += 1 }
        }
        #expect((45...100).contains(coders.encoded - before.encoded))
        let sent = after.packetsSent - before.numbers.packetsSent
        #expect(sent + after.packetsSuppressed - before.numbers.packetsSuppressed == 1000)
        #expect(after.uplinkSamples - before.numbers.uplinkSamples == 960_000)
        #expect(sent <= alone)
    }

    @Test(
        "of a soft voice all is encoded that can be heard, and all is sent that libopus alone would send, but for a soft 20 ms",
        arguments: [1, 15, 40] as [Double])
    func softVoice(background: Double) throws {
        let coders = CountingCoders()
        let harness = try Harness(coders: coders)
        harness.room.welcome()
        harness.clock.advance(by: .seconds(3))
        let reference = try LibraryCoders().makeEncoder(sampleRate: 16_000)
        let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 1500, alignment: 16)
        // SAFETY: the buffer was allocated here, and nothing uses it any more.
        defer { unsafe packet.deallocate() }
        let voice = LoadSpeech.samples()
        let hiss = noise(voice.count, loudness: background)
        var (spurt, isWord, unheard, unsent) = (0, false, 0, 0)
        for (number, frame) in voice.enumerated() {
            isWord = SoundLevel.rootMeanSquare(frame.span) > LoadSpeech.loudness
            spurt = isWord ? spurt + 1 : 0
            // -45 dB, and each spurt swells in 200 ms.
            let gain = 0.08 * min(1, Double(spurt) / 10)
            let soft = zip(frame, hiss[number]).map { Int16(Double($0) * gain) + $1 }
            let (encoded, sent) = (coders.encoded, harness.room.packets.count)
            harness.send(soft)
            let isEncoded = coders.encoded > encoded
            let isSent = harness.room.packets.count > sent
            harness.clock.advance(by: .milliseconds(20))
            // SAFETY: at most the buffer's length is written.
            let bytes = unsafe reference.encode(soft.span, into: packet) ?? 0
            guard isWord else { continue }
            let loudness = SoundLevel.rootMeanSquare(soft.span)
            if !isEncoded, loudness > max(33, Int(background * 1.5)) { unheard += 1 }
            if !isSent, bytes > 2 {
                unsent += 1
                if Double(loudness) >= SpeechDetector.surelySilent { unheard += 1 }
            }
        }
        #expect(unheard == 0)
        // The first 20 ms of a spurt, below -50 dB: libopus has seen less of the noise before.
        #expect(unsent <= LoadSpeech.pattern.count)
    }
}
