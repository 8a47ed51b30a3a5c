import Bridge
import ClientProtocol
import Testing
import Wire

@Suite("A device that can keep little")
struct SmallDeviceTests {
    private func harness(_ query: String) throws -> Harness {
        let harness = try Harness(query, resumeToken: "0.token") { $0.limits.resumeGrace = .seconds(30) }
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR", participant: "agent-1"))
        return harness
    }

    /// The agent speaks in real time, 20 ms a frame.
    private func speak(_ harness: Harness, _ frames: Range<Int>) {
        for frame in frames {
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR")
            harness.clock.advance(by: .milliseconds(20))
        }
    }

    private func comeBack(_ harness: Harness) throws -> FakeClient {
        let client = FakeClient(clock: harness.clock)
        try #require(harness.session.resume(with: client))
        return client
    }

    /// The most that waits at a device which plays what it gets, in ms.
    private func mostWaiting(_ client: FakeClient) -> Int {
        var playedOut = Instant.zero
        var most = Duration.zero
        for time in client.audioTimes {
            playedOut = max(playedOut, time) + .milliseconds(20)
            most = max(most, playedOut - time)
        }
        return Int(most.milliseconds)
    }

    @Test("what was kept comes at the pace at which it is played, with what follows behind it, and nothing is missing")
    func pacedReplay() throws {
        let harness = try harness("resume_audio_ms=5000&buffer_ms=120")
        speak(harness, 0..<10)
        harness.session.clientLost()
        speak(harness, 10..<110)
        let client = try comeBack(harness)
        #expect(client.audio.count == 6, "120 ms")
        speak(harness, 110..<160)
        harness.clock.advance(by: .seconds(3))
        #expect(harness.client.samples == ramp(0..<4800))
        #expect(client.samples == ramp(4800..<160 * 480) && mostWaiting(client) == 120)
        #expect(harness.ended == nil && harness.session.currentStatistics.audioMessagesDropped == 0)
    }

    @Test("without it everything comes at once, as ever")
    func atOnce() throws {
        let harness = try harness("")
        harness.session.clientLost()
        speak(harness, 0..<100)
        #expect(try comeBack(harness).samples == ramp(0..<48_000))
    }

    @Test("of what was missed no more comes than the client wants, and it is told how much it does not hear")
    func latest() throws {
        let harness = try harness("resume_audio_ms=200")
        harness.session.clientLost()
        speak(harness, 0..<50)
        let client = try comeBack(harness)
        #expect(client.events("session").first?["dropped"]?["audio_ms"] == 800)
        harness.clock.advance(by: .seconds(1))
        #expect(client.samples == ramp(40 * 480..<50 * 480) && mostWaiting(client) == 100)
        let silent = try self.harness("resume_audio_ms=0")
        silent.session.clientLost()
        speak(silent, 0..<50)
        let second = try comeBack(silent)
        speak(silent, 50..<60)
        #expect(second.samples == ramp(50 * 480..<60 * 480))
    }

    @Test("a client that goes again in the middle of it gets the rest on the connection after that")
    func goesAgain() throws {
        let harness = try harness("resume_audio_ms=5000&buffer_ms=120")
        harness.session.clientLost()
        speak(harness, 0..<50)
        let second = try comeBack(harness)
        speak(harness, 50..<60)
        harness.session.clientLost()
        speak(harness, 60..<70)
        let third = try comeBack(harness)
        harness.clock.advance(by: .seconds(3))
        #expect(second.samples + third.samples == ramp(0..<70 * 480))
        #expect(third.events("session").first?["dropped"]?["audio_ms"] == 0)
    }

    @Test("an interruption drops what is still held back")
    func interruption() throws {
        let harness = try harness("resume_audio_ms=5000&buffer_ms=120")
        harness.session.clientLost()
        speak(harness, 0..<50)
        let client = try comeBack(harness)
        harness.send(text: #"{"type":"interrupt"}"#)
        let count = client.audio.count
        harness.clock.advance(by: .seconds(2))
        #expect(client.audio.count == count && client.events("interrupted").count == 1)
    }

    @Test("a reply that comes all at once never fills the buffer that the client has, also when it names it later")
    func burst() throws {
        let harness = try harness("")
        harness.send(text: #"{"type":"config","data":{"buffer_ms":200}}"#)
        for frame in 0..<100 { harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR") }
        harness.clock.advance(by: .seconds(3))
        #expect(harness.client.samples == ramp(0..<48_000) && mostWaiting(harness.client) == 200)
    }

    @Test("of what is said while a client with transcript_mode=delta is away the latest text waits, whole")
    func deltasWhileAway() throws {
        let harness = try harness("transcript_mode=delta")
        func say(_ text: String, isFinal: Bool = false) {
            harness.room.emit(
                .spoken(SpokenText(participant: "agent-1", segmentID: "s", text: text, isFinal: isFinal)))
        }
        say("It")
        say("It is")
        #expect(harness.client.events("transcript").map { $0["delta"]?.string } == [nil, " is"])
        harness.session.clientLost()
        say("It is five")
        say("It is five o")
        let client = try comeBack(harness)
        say("It is five o'clock")
        say("It is five o'clock.", isFinal: true)
        let told = client.events("transcript")
        #expect(told.map { $0["content"]?.string } == ["It is five o", "It is five o'clock", nil])
        #expect(told.last?["delta"] == ".")
    }

    @Test("a client that reads too slowly is warned, once a second while it lasts")
    func slow() throws {
        let harness = try harness("")
        speak(harness, 0..<10)
        #expect(harness.client.events("warning").isEmpty)
        harness.client.droppedAudioMessages = 3
        speak(harness, 10..<20)
        harness.client.droppedAudioMessages = 5
        speak(harness, 20..<30)
        #expect(harness.client.events("warning").map { $0["dropped_messages"]?.integer } == [3])
        speak(harness, 30..<80)
        #expect(harness.client.events("warning").map { $0["dropped_messages"]?.integer } == [3, 2])
        speak(harness, 80..<180)
        #expect(harness.client.events("warning").count == 2)
    }
}
