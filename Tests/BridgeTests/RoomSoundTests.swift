import Bridge
import ClientProtocol
import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("More than one sound in the room")
struct RoomSoundTests {
    /// 20 ms of noise at 24 kHz, of this amplitude.
    private struct Noise {
        var random = SplitMix64(seed: 7)
        let amplitude: Int16
        mutating func frame() -> [Int16] {
            (0..<480).map { _ in Int16.random(in: -amplitude...amplitude, using: &random) }
        }
    }

    private enum Other { case ambience, noisyPerson, talkingPerson, nobody }

    /// A session with an agent and another sound, and time that passes in frames of 20 ms.
    private final class Stage {
        let harness: Harness
        private let other: Other
        private var noise: Noise
        private var frames = 0

        init(
            _ other: Other, _ query: String = "", dialect: any ClientDialect.Type = ConversationDialect.self,
            configure: (inout BridgeConfiguration) -> Void = { _ in }
        ) throws {
            harness = try Harness(query, dialect: dialect, configure: configure)
            self.other = other
            // -39 dB of full scale, as office noise is played; an open microphone is fainter.
            noise = Noise(amplitude: other == .ambience ? 640 : 170)
            harness.room.welcome()
            harness.room.emit(.trackSubscribed(track: "TR_voice", participant: "agent-1"))
            switch other {
            case .ambience:
                harness.room.emit(
                    .trackSubscribed(track: "TR_other", participant: "agent-1", source: .background))
            case .noisyPerson, .talkingPerson:
                harness.room.emit(.participantJoined(RoomMember(identity: "p")))
                harness.room.emit(.trackSubscribed(track: "TR_other", participant: "p"))
            case .nobody: break
            }
        }

        var events: [JSONValue] { harness.client.texts.compactMap { try? JSONValue(parsing: $0) } }

        func count(_ type: String, _ message: String? = nil) -> Int {
            events.count { $0["type"]?.string == type && (message == nil || $0["message"]?.string == message) }
        }

        var readies: Int { count("ready", "Ready for next turn") }

        /// Lets so many frames of 20 ms pass, with this voice of the agent in them; nil for a track that sends nothing.
        func pass(_ count: Int, voice: (Int) -> [Int16]? = { _ in nil }) {
            for index in 0..<count {
                if let samples = voice(index) { harness.sound(samples, track: "TR_voice") }
                frames += 1
                switch other {
                case .ambience, .noisyPerson: harness.sound(noise.frame(), track: "TR_other")
                case .talkingPerson:
                    // Words of 300 ms with 200 ms between them.
                    let isWord = frames % 25 < 15
                    harness.sound(isWord ? ramp(0..<480) : [Int16](repeating: 4, count: 480), track: "TR_other")
                case .nobody: break
                }
                harness.clock.advance(by: .milliseconds(20))
            }
        }

        /// A reply of two seconds with its words, as livekit-agents does it; `after` passes behind its last sound.
        func reply(after frames: Int, voice: (Int) -> [Int16]? = { _ in nil }) {
            harness.room.state("speaking")
            pass(100) { ramp($0 * 480..<($0 + 1) * 480) }
            let words = SpokenText(participant: "agent-1", segmentID: "s\(events.count)", text: "yes", isFinal: true)
            harness.room.emit(.spoken(words))
            harness.room.state("listening")
            pass(frames, voice: voice)
        }
    }

    @Test(
        "a reply is over and read within 0.6 s, once and not before, whatever else is heard in the room",
        arguments: [Other.ambience, .noisyPerson, .talkingPerson, .nobody])
    private func endOfReply(other: Other) throws {
        let stage = try Stage(other)
        stage.pass(300)
        for number in 1...2 {
            stage.harness.send(text: #"{"type":"end_turn"}"#)
            stage.harness.room.state("thinking")
            stage.pass(30)
            let before = stage.readies
            stage.harness.room.state("speaking")
            stage.pass(100) { ramp($0 * 480..<($0 + 1) * 480) }
            #expect(stage.readies == before)
            stage.reply(after: 30)
            #expect(stage.readies == number && stage.count("text") == number)
            stage.pass(400)
            #expect(stage.readies == number && stage.count("text") == number)
        }
    }

    @Test("ambience makes no files by itself, but goes with the voice")
    func filesOfAmbience() throws {
        let stage = try Stage(.ambience)
        stage.pass(500)
        #expect(stage.count("audio") == 0)
        stage.reply(after: 40)
        let pieces = stage.count("audio")
        #expect(pieces > 3)
        stage.pass(500)
        #expect(stage.count("audio") == pieces)
    }

    @Test("whoever asks for it gets files of ambience, and is told the end of a reply all the same")
    func wantedAmbience() throws {
        let stage = try Stage(.ambience, "ambience=true")
        stage.pass(500)
        #expect(stage.count("audio") > 8)
        stage.harness.send(text: #"{"type":"end_turn"}"#)
        stage.reply(after: 30)
        #expect(stage.readies == 1)
    }

    @Test("raw sound has the ambience in it, unless the client does not want it")
    func rawAmbience() throws {
        let with = try Stage(.ambience, dialect: DeviceDialect.self)
        with.pass(100)
        #expect(with.harness.client.audio.count > 90)
        let without = try Stage(.ambience, "ambience=false", dialect: DeviceDialect.self)
        without.pass(100)
        #expect(without.harness.client.audio.isEmpty)
        without.reply(after: 100)
        #expect((100...125).contains(without.harness.client.audio.count))
    }

    @Test("a person who talks is heard in files, one whose microphone only hisses is not for long")
    func people() throws {
        let talking = try Stage(.talkingPerson)
        talking.pass(500)
        #expect(talking.count("audio") > 8)
        let noisy = try Stage(.noisyPerson)
        noisy.pass(300)
        let atFirst = noisy.count("audio")
        noisy.pass(1000)
        #expect(noisy.count("audio") == atFirst)
    }

    @Test(
        "who says nothing is idle, also while ambience plays or a microphone hisses",
        arguments: [Other.ambience, .noisyPerson])
    private func idle(other: Other) throws {
        for dialect in [ConversationDialect.self, DeviceDialect.self] as [any ClientDialect.Type] {
            let stage = try Stage(other, "ambience=true", dialect: dialect) { $0.limits.idleTimeout = .seconds(8) }
            stage.pass(700)
            #expect(stage.harness.ended != nil && stage.harness.client.closure != nil)
        }
    }

    @Test("people who talk keep a session going, and so does the agent")
    func lively() throws {
        let people = try Stage(.talkingPerson) { $0.limits.idleTimeout = .seconds(8) }
        people.pass(700)
        #expect(people.harness.ended == nil)
        let agent = try Stage(.ambience) { $0.limits.idleTimeout = .seconds(8) }
        for _ in 0..<5 { agent.reply(after: 200) }
        #expect(agent.harness.ended == nil)
    }

    @Test("frames of nearly nothing after the last word, one in 420 ms, are not sent and delay nothing")
    func nearlySilentFrames() throws {
        let faint = [Int16](repeating: 1, count: 480)
        for dialect in [ConversationDialect.self, DeviceDialect.self] as [any ClientDialect.Type] {
            let stage = try Stage(.nobody, dialect: dialect)
            stage.harness.send(text: #"{"type":"end_turn"}"#)
            // Silence for less than the gate waits, then a frame now and then.
            stage.reply(after: 30) { $0 < 15 || ($0 - 15) % 21 == 20 ? faint : nil }
            if dialect == ConversationDialect.self { #expect(stage.readies == 1 && stage.count("text") == 1) }
            let sent = stage.harness.client.audio.count
            stage.pass(200) { $0 % 21 == 20 ? faint : nil }
            #expect(stage.harness.client.audio.count == sent)
        }
    }

    @Test("the comfort noise of a sender with DTX delays the end of a reply no more than silence does")
    func comfortNoise() throws {
        let stage = try Stage(.nobody)
        stage.harness.send(text: #"{"type":"end_turn"}"#)
        let noise = [Int16](repeating: 100, count: 480)
        stage.reply(after: 30) { index in
            guard index % 20 == 19 else { return nil }
            stage.harness.hear(.silence(samples: 19_200), track: "TR_voice")
            return noise
        }
        #expect(stage.readies == 1)
    }

    @Test("an agent whose voice has a hiss in it has finished when its state says so and only the hiss goes on")
    func hissingVoice() throws {
        let stage = try Stage(.nobody)
        var noise = Noise(amplitude: 300)
        stage.pass(300) { _ in noise.frame() }
        let before = stage.readies
        stage.harness.send(text: #"{"type":"end_turn"}"#)
        stage.reply(after: 30) { _ in noise.frame() }
        #expect(stage.readies == before + 1)
        stage.pass(300) { _ in noise.frame() }
        #expect(stage.readies == before + 1)
    }

    @Test("without an agent to wait for, people are whom the client talks with")
    func peopleInsteadOfAgents() throws {
        let harness = try Harness("agent=", dialect: ConversationDialect.self)
        harness.room.welcome(agent: nil)
        harness.room.emit(.participantJoined(RoomMember(identity: "p")))
        harness.room.emit(.trackSubscribed(track: "TR_p", participant: "p"))
        harness.send(text: #"{"type":"end_turn"}"#)
        for frame in 0..<100 {
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR_p")
            harness.clock.advance(by: .milliseconds(20))
        }
        harness.clock.advance(by: .seconds(4))
        #expect(harness.client.events("ready").last?["message"] == "Ready for next turn")
    }

    @Test("after `interrupted` nothing more is heard of what was interrupted, and all of what comes next")
    func soundInFlight() throws {
        let stage = try Stage(.nobody, dialect: DeviceDialect.self)
        let client = stage.harness.client
        stage.harness.room.state("speaking")
        stage.pass(50) { ramp($0 * 480..<($0 + 1) * 480) }
        stage.harness.send(ramp(0..<320))
        stage.harness.clock.advance(by: .milliseconds(20))
        stage.harness.room.state("listening")
        #expect(client.events("interrupted").count == 1)
        let sent = client.audio.count
        // What was on its way comes for 0.2 s, then silence.
        stage.pass(10) { ramp($0 * 480..<($0 + 1) * 480) }
        stage.pass(10) { _ in [Int16](repeating: 1, count: 480) }
        #expect(client.audio.count == sent)
        stage.harness.room.state("speaking")
        stage.pass(20) { ramp($0 * 480..<($0 + 1) * 480) }
        #expect(client.audio.count == sent + 20)
    }

    @Test("an agent that goes on at once after an interruption by a noise is heard from its first frame")
    func resumption() throws {
        let stage = try Stage(.nobody, dialect: DeviceDialect.self)
        stage.harness.room.state("speaking")
        stage.pass(50) { ramp($0 * 480..<($0 + 1) * 480) }
        stage.harness.send(ramp(0..<320))
        stage.harness.clock.advance(by: .milliseconds(20))
        stage.harness.room.state("listening")
        stage.pass(2)
        let sent = stage.harness.client.audio.count
        stage.harness.room.state("speaking")
        stage.pass(20) { ramp($0 * 480..<($0 + 1) * 480) }
        #expect(stage.harness.client.audio.count == sent + 20)
    }

    @Test("the face of an agent that the client interrupts falls silent with it; ambience and people do not")
    func interruptedFace() throws {
        let stage = try Stage(.talkingPerson, dialect: DeviceDialect.self)
        let face = RoomMember(identity: "face", isAgent: true, attributes: ["lk.publish_on_behalf": "agent-1"])
        stage.harness.room.emit(.participantJoined(face))
        stage.harness.room.emit(.trackSubscribed(track: "TR_face", participant: "face"))
        stage.harness.room.state("speaking")
        stage.harness.send(text: #"{"type":"interrupt"}"#)
        let sent = stage.harness.client.audio.count
        for frame in 0..<50 { stage.harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR_face") }
        #expect(stage.harness.client.audio.count == sent)
        stage.pass(50)
        #expect(stage.harness.client.audio.count > sent + 20)
    }

    @Test("Opus goes in packets of the length that the client asked for, the last one as long as it is")
    func opusFrames() throws {
        let stage = try Stage(.nobody, "output_encoding=opus&frame_ms=60", dialect: DeviceDialect.self)
        stage.pass(20) { ramp($0 * 480..<($0 + 1) * 480) }
        stage.pass(5)
        let packets = stage.harness.client.audio.compactMap { OpusFrames(bytes: $0) }
        #expect(packets.map(\.ranges.count) == [3, 3, 3, 3, 3, 3, 2])
        let sound = zip(packets, stage.harness.client.audio).flatMap { frames, bytes in
            frames.ranges.flatMap { samplesOf(Array(bytes[$0])) }
        }
        #expect(sound == ramp(0..<20 * 480))
    }

    @Test("Opus passes without the packets of nearly nothing behind the last word")
    func opusSilence() throws {
        let stage = try Stage(.nobody, "output_encoding=opus", dialect: DeviceDialect.self)
        stage.reply(after: 21)
        let sent = stage.harness.client.audio.count
        #expect(sent == 100)
        stage.pass(200) { $0 % 20 == 0 ? [Int16](repeating: 1, count: 480) : nil }
        #expect(stage.harness.client.audio.count == sent)
    }
}
