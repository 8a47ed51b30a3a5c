import Bridge
import ClientProtocol
import LoadGenerator
import TestSupport
import Testing
import Wire

@Suite("A microphone whose clock is fast")
struct FastMicrophoneTests {
    enum Sound: CaseIterable {
        /// A voice without a pause.
        case voice
        /// A high one, whose periods are short.
        case whistle
        /// Nothing in it is like anything else.
        case noise

        /// So many frames of 20 ms at 16 kHz.
        func frames(_ count: Int) -> [[Int16]] {
            switch self {
            case .voice:
                let voice = LoadSpeech.samples().filter { SoundLevel.rootMeanSquare($0.span) > LoadSpeech.loudness }
                return (0..<count).map { voice[$0 % voice.count] }
            case .whistle:
                var source = ToneSource(frequency: 390, sampleRate: 16_000, amplitude: 8000)
                return (0..<count).map { _ in source.next(320) }
            case .noise:
                var random = SplitMix64(seed: 5)
                return (0..<count).map { _ in (0..<320).map { _ in .random(in: -8000...8000, using: &random) } }
            }
        }
    }

    private func welcomed(
        _ query: String = "", dialect: any ClientDialect.Type = DeviceDialect.self,
        coders: any AudioCoderFactory = FakeCoders()
    ) throws -> Harness {
        let harness = try Harness(query, dialect: dialect, coders: coders)
        harness.room.welcome()
        harness.clock.advance(by: .seconds(3))
        return harness
    }

    /// Sends messages, each `milliseconds` of sound by a clock that is fast by so many thousandths.
    private func speak(
        _ messages: [[Int16]], of milliseconds: Int64 = 20, fastBy thousandths: Int64, on harness: Harness
    ) {
        for message in messages {
            harness.send(message)
            harness.clock.advance(by: .nanoseconds(milliseconds * 1_000_000_000 / (1000 + thousandths)))
        }
    }

    /// What came too fast in so many seconds, in samples at 48 kHz.
    private func surplus(of seconds: Int, fastBy thousandths: Int64) -> Int {
        seconds * 48_000 * Int(thousandths) / Int(1000 + thousandths)
    }

    struct Speech: CustomTestStringConvertible {
        let sound: Sound
        let thousandths: Int64
        let seconds: Int
        var testDescription: String { "\(sound), \(thousandths) thousandths for \(seconds) s" }

        /// Until it has gone back and forth between its bounds at least twice.
        static let all = [
            Speech(sound: .voice, thousandths: 5, seconds: 60), Speech(sound: .voice, thousandths: 24, seconds: 60),
            Speech(sound: .voice, thousandths: 100, seconds: 20), Speech(sound: .whistle, thousandths: 10, seconds: 40),
            Speech(sound: .whistle, thousandths: 100, seconds: 15), Speech(sound: .noise, thousandths: 50, seconds: 15),
            Speech(sound: .noise, thousandths: 100, seconds: 10),
        ]
    }

    @Test(
        "without a pause it is never more than a quarter of a second late, and only what came too fast is left out",
        arguments: Speech.all)
    func bounded(speech: Speech) throws {
        let harness = try welcomed()
        speak(speech.sound.frames(50 * speech.seconds), fastBy: speech.thousandths, on: harness)
        let statistics = harness.session.currentStatistics
        #expect(statistics.longestUplinkDelay <= 260)
        #expect(statistics.uplinkDropped == 0)
        let surplus = surplus(of: speech.seconds, fastBy: speech.thousandths)
        #expect(statistics.uplinkSkipped <= surplus && statistics.uplinkSkipped >= surplus - 260 * 48)
    }

    @Test("messages of a second, too", arguments: [24, 88] as [Int64])
    func longMessages(thousandths: Int64) throws {
        let harness = try welcomed()
        let count = thousandths == 24 ? 2000 : 750
        let frames = Sound.voice.frames(count)
        let messages = stride(from: 0, to: count, by: 50).map { Array(frames[$0..<$0 + 50].joined()) }
        speak(messages, of: 1000, fastBy: thousandths, on: harness)
        #expect(harness.session.currentStatistics.longestUplinkDelay <= 1350)
        #expect(harness.session.currentStatistics.uplinkDropped == 0)
    }

    @Test("frames of 960 samples each 20 ms, which are said to be of 44.1 kHz")
    func wrongRate() throws {
        let harness = try welcomed("sample_rate=44100", coders: LibraryCoders())
        var source = ToneSource(frequency: 200, sampleRate: 44_100, amplitude: 8000)
        for _ in 0..<600 {
            harness.send(source.next(960))
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(harness.session.currentStatistics.longestUplinkDelay <= 260)
        #expect(harness.session.currentStatistics.uplinkDropped == 0)
    }

    @Test("a tone stays one tone, without a click", arguments: [50, 100] as [Int64])
    func tone(thousandths: Int64) throws {
        let harness = try welcomed()
        var source = ToneSource(frequency: 440, sampleRate: 16_000, amplitude: 8000)
        speak((0..<600).map { _ in source.next(320) }, fastBy: thousandths, on: harness)
        #expect(harness.session.currentStatistics.uplinkSkipped > 48 * 150)
        let sound = harness.room.packets.flatMap { samplesOf(Array($0.bytes.dropFirst())) }
        let heard = Array(sound.drop { $0 == 0 }.dropFirst(16_000))
        for start in stride(from: 0, to: heard.count - 16_000, by: 16_000) {
            let second = heard[start..<start + 16_000]
            #expect(ToneDetector(sampleRate: 16_000).purity(of: 440, in: second.prefix(1600)) > 0.98)
        }
        let steps = zip(heard, heard.dropFirst()).map { abs(Int($0) - Int($1)) }
        // The steepest step of a tone of this height is 1382.
        #expect(steps.max()! < 1500)
    }

    /// The caller is 5 % fast for six seconds, so that frames begin elsewhere, and stops.
    private func speakAndStop(_ harness: Harness, ending: String?) -> Int {
        let said = ramp(0..<320 * 300)
        speak((0..<300).map { Array(said[$0 * 320..<($0 + 1) * 320]) }, fastBy: 50, on: harness)
        if let ending { harness.send(text: ending) }
        harness.clock.advance(by: .seconds(1))
        return said.count
    }

    @Test("of what it said last nothing is kept back", arguments: [nil, #"{"type":"end_turn"}"#])
    func lastWord(ending: String?) throws {
        let harness = try welcomed(
            dialect: ending == nil ? DeviceDialect.self : ConversationDialect.self)
        let said = speakAndStop(harness, ending: ending)
        let skipped = harness.session.currentStatistics.uplinkSkipped / 3
        #expect(skipped > 16 * 50)
        #expect(harness.room.heard.count == said - skipped)
    }

    @Test("in the next pause its sound leaves as it comes again")
    func inStepAgain() throws {
        let harness = try welcomed()
        speak(Sound.voice.frames(600), fastBy: 24, on: harness)
        speak([[Int16]](repeating: [Int16](repeating: 3, count: 320), count: 75), fastBy: 0, on: harness)
        harness.send(ramp(0..<320))
        #expect(harness.room.heard.suffix(320) == ramp(0..<320)[...])
    }

    @Test("what comes all at once is no drift: an upload at twice the speed loses nothing")
    func upload() throws {
        let harness = try welcomed()
        let said = ramp(0..<320 * 300)
        speak((0..<300).map { Array(said[$0 * 320..<($0 + 1) * 320]) }, fastBy: 1000, on: harness)
        harness.clock.advance(by: .seconds(4))
        #expect(harness.room.heard.filter { $0 > 10 } == said)
        #expect(harness.session.currentStatistics.uplinkSkipped == 0)
    }

    @Test("of Opus that passes the softest packets are left out", arguments: [24, 50] as [Int64])
    func packets(thousandths: Int64) throws {
        let harness = try welcomed("encoding=opus")
        var loudness: [Int] = []
        for (number, frame) in Sound.voice.frames(1500).enumerated() {
            // Syllables of a fifth of a second: each ends softly.
            let softer = frame.map { $0 / Int16(1 + number % 10) }
            loudness.append(SoundLevel.rootMeanSquare(softer.span))
            harness.send(bytes: [0xF8] + bytesOf(softer))
            harness.clock.advance(by: .nanoseconds(20_000_000_000 / (1000 + thousandths)))
        }
        harness.clock.advance(by: .seconds(1))
        let statistics = harness.session.currentStatistics
        #expect(statistics.uplinkSkipped > 48 * 100)
        #expect(statistics.longestUplinkDelay <= 300)
        #expect(statistics.uplinkDropped == 0)
        #expect(statistics.uplinkSkipped <= surplus(of: 30, fastBy: thousandths))
        let heard = harness.room.packets.filter { $0.bytes.count > 100 }
            .map { SoundLevel.rootMeanSquare(samplesOf(Array($0.bytes.dropFirst())).span) }
        let loud = loudness.reduce(0, +) / loudness.count
        #expect(heard.count { $0 > loud } == loudness.count { $0 > loud })
    }
}
