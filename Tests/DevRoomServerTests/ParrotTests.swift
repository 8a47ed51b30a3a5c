import PeerConnection
import Signalling
import Testing
import Wire

@testable import DevRoomServer

@Suite("Parrot")
struct ParrotTests {
    /// A listener in virtual time, fed with packets of 20 ms.
    struct Ear {
        var listener = ParrotListener()
        var now = Instant.zero
        var timestamp: UInt32 = 0
        var events: [ParrotListener.Event] = []

        mutating func hear(_ level: Double, packets: Int) {
            for _ in 0..<packets {
                now += .milliseconds(20)
                timestamp &+= 960
                let packet = RecordedPacket(payload: [UInt8(timestamp / 960 % 256)], timestamp: timestamp, samples: 960)
                if let event = listener.receive(packet, level: level, now: now) { events.append(event) }
            }
        }

        mutating func wait(_ duration: Duration) {
            now += duration
            timestamp &+= UInt32(duration.milliseconds * 48)
            if let event = listener.handleTimeout(now: now) { events.append(event) }
        }

        var ended: (packets: [RecordedPacket], speech: Duration)? {
            for case .ended(let packets, let speech) in events { return (packets, speech) }
            return nil
        }
    }

    @Test("what was said is kept from a little before to a little after, and ends with a pause of 0.6 seconds")
    func utterance() throws {
        var ear = Ear()
        ear.hear(20, packets: 50)
        ear.hear(3000, packets: 50)
        #expect(ear.events == [.began])
        ear.hear(20, packets: 29)
        #expect(ear.ended == nil)
        ear.hear(20, packets: 1)
        let ended = try #require(ear.ended)
        #expect(ended.speech == .seconds(1))
        #expect(ended.packets.count == 2 + 50 + 10)
        #expect(ended.packets.map(\.timestamp).min() == UInt32(49 * 960))
    }

    @Test("a pause in which nothing is sent ends the utterance by the clock")
    func silenceSuppression() throws {
        var ear = Ear()
        ear.hear(3000, packets: 20)
        #expect(ear.listener.nextDeadline == ear.now + .milliseconds(600))
        ear.wait(.milliseconds(600))
        #expect(try #require(ear.ended).packets.count == 20)
        #expect(ear.listener.nextDeadline == nil)
    }

    @Test("a short pause belongs to the utterance")
    func shortPause() throws {
        var ear = Ear()
        ear.hear(3000, packets: 20)
        ear.hear(10, packets: 20)
        ear.hear(3000, packets: 20)
        ear.wait(.milliseconds(600))
        #expect(ear.events.count == 2)
        #expect(try #require(ear.ended).speech == .milliseconds(1200))
    }

    @Test("speech that arrives late because the machine stood still is not cut in two")
    func standstill() throws {
        var ear = Ear()
        ear.hear(3000, packets: 20)
        // The timer goes off first; then everything that waited comes at once.
        ear.now += .milliseconds(1600)
        #expect(ear.listener.handleTimeout(now: ear.now) == nil)
        let arrival = ear.now
        for _ in 0..<80 {
            ear.hear(3000, packets: 1)
            ear.now = arrival
        }
        #expect(ear.events == [.began])
        ear.wait(.milliseconds(620))
        #expect(try #require(ear.ended).packets.count == 100)
    }

    @Test("a pause of the caller is measured by the caller's clock, even if all of it comes at once")
    func pauseInABurst() throws {
        var ear = Ear()
        ear.hear(3000, packets: 20)
        let arrival = ear.now
        for _ in 0..<30 {
            ear.hear(10, packets: 1)
            ear.now = arrival
        }
        #expect(try #require(ear.ended).packets.count == 30)
    }

    @Test("clicks and steady noise are not speech")
    func noise() {
        var ear = Ear()
        for _ in 0..<20 {
            ear.hear(5000, packets: 2)
            ear.hear(10, packets: 5)
        }
        #expect(ear.events.isEmpty)
        // A fan that grows louder slowly.
        for level in stride(from: 20.0, to: 2000, by: 5) { ear.hear(level, packets: 2) }
        #expect(ear.events.isEmpty)
    }

    @Test("who never pauses is answered after half a minute")
    func longSpeech() throws {
        var ear = Ear()
        ear.hear(3000, packets: 1500)
        #expect(try #require(ear.ended).speech == .seconds(30))
    }

    @Test("packets are played at their own pace, with the caller's short gaps and one clock")
    func playing() {
        var random = SystemRandomNumberGenerator()
        var voice = ParrotVoice(using: &random)
        func packet(_ timestamp: UInt32) -> RecordedPacket {
            RecordedPacket(payload: [1], timestamp: timestamp, samples: 960)
        }
        voice.play([packet(0), packet(960), packet(960 * 3), packet(960 * 3 + 100_000)], now: .zero)
        var sent: [(UInt16, UInt32, Bool)] = []
        var times: [Int64] = []
        while let deadline = voice.nextDeadline {
            times.append(deadline.milliseconds)
            _ = voice.next(now: deadline) { sent.append(($0.sequenceNumber, $0.timestamp, $0.marker)) }
        }
        #expect(times == [0, 20, 60, 80])
        #expect(sent.map { $0.0 &- sent[0].0 } == [0, 1, 2, 3])
        #expect(sent.map { $0.1 &- sent[0].1 } == [0, 960, 2880, 3840])
        #expect(sent.map(\.2) == [true, false, false, false])
        voice.play([packet(5)], now: .zero + .seconds(1))
        _ = voice.next(now: .zero + .seconds(1)) { next in
            #expect(next.timestamp &- sent[0].1 == 4800)
            #expect(next.sequenceNumber &- sent[0].0 == 4)
        }
        #expect(!voice.isSpeaking)
    }

    @Test("who is interrupted falls silent at once")
    func interruption() {
        var random = SystemRandomNumberGenerator()
        var voice = ParrotVoice(using: &random)
        voice.play((0..<10).map { RecordedPacket(payload: [1], timestamp: $0 * 960, samples: 960) }, now: .zero)
        _ = voice.next(now: .zero) { _ in }
        voice.stop()
        #expect(voice.nextDeadline == nil && !voice.isSpeaking)
    }

    @Test("transcripts have the form of livekit-agents")
    func transcripts() {
        let time = ServerTime(now: .zero, unixMilliseconds: 5)
        var texts = ParrotTexts(random: SystemRandomNumberGenerator())
        let heard = texts.callerTranscript(
            "(1.0 seconds of speech)", identity: "ann", segment: "SG_1", track: "TR_1", isFinal: true, time: time)
        #expect(heard.map(\.sequence) == [1, 2, 3])
        guard case .streamHeader(let header) = heard.first?.value, case .textHeader = header.content else {
            Issue.record("no text header")
            return
        }
        #expect(heard.first?.participantIdentity == "ann")
        #expect(header.topic == "lk.transcription")
        #expect(
            header.attributes == [
                "lk.segment_id": "SG_1", "lk.transcribed_track_id": "TR_1", "lk.transcription_final": "true",
            ])
        let (segment, begin) = texts.beginSegment("hello", track: "TR_2", time: time)
        #expect(begin.count == 2 && begin.first?.participantIdentity.isEmpty == true)
        guard case .streamTrailer(let trailer) = texts.endSegment(segment).value else {
            Issue.record("no trailer")
            return
        }
        #expect(trailer.attributes["lk.transcription_final"] == "true")
    }

    @Test("chat is read from the caller only, in whatever pieces it comes")
    func chat() {
        var texts = ParrotTexts(random: SystemRandomNumberGenerator())
        func packet(_ identity: String, _ value: DataPacket.Value) -> DataPacket {
            .with {
                $0.participantIdentity = identity
                $0.value = value
            }
        }
        func header(_ id: String, topic: String = "lk.chat") -> DataPacket.Value {
            .streamHeader(
                .with {
                    $0.streamId = id
                    $0.topic = topic
                    $0.content = .textHeader(.init())
                })
        }
        func chunk(_ id: String, _ text: String) -> DataPacket.Value {
            .streamChunk(
                .with {
                    $0.streamId = id
                    $0.content = Array(text.utf8)
                })
        }
        func end(_ id: String) -> DataPacket.Value { .streamTrailer(.with { $0.streamId = id }) }
        let heard = [
            packet("ann", header("1")), packet("bob", header("2")), packet("ann", header("3", topic: "other")),
            packet("ann", chunk("1", "hel")), packet("bob", chunk("2", "spam")), packet("ann", chunk("1", "lo")),
            packet("ann", chunk("3", "x")), packet("bob", end("2")), packet("ann", end("3")), packet("ann", end("1")),
        ].map { texts.receive($0, caller: "ann") }
        #expect(heard.compactMap { $0 } == ["hello"])
        #expect(heard.last == "hello")
    }

    @Test("written answers become sound")
    func speech() {
        let packets = ParrotSpeech.packets(for: "You wrote: hello")
        #expect(packets.count > 20)
        #expect(packets.contains { ($0.level?.negatedDecibels ?? 127) < 30 })
        #expect(!ParrotSpeech.packets(for: "?").isEmpty)
    }
}
