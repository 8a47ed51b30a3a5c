import Bridge
import ClientProtocol
import Testing
import Wire

@Suite("A client that loses its connection and comes back")
struct ResumeTests {
    private static let grace = Duration.seconds(30)

    private func harness(
        _ query: String = "", grace: Duration = ResumeTests.grace, configure: (inout Limits) -> Void = { _ in }
    ) throws -> Harness {
        try Harness(query, resumeToken: "0.token") {
            $0.limits.resumeGrace = grace
            configure(&$0.limits)
        }
    }

    /// Comes back on a new connection.
    private func comeBack(_ harness: Harness) throws -> FakeClient {
        let client = FakeClient(clock: harness.clock)
        try #require(harness.session.resume(with: client))
        return client
    }

    private func say(_ text: String, segment: String = "s", isFinal: Bool = true) -> RoomEvent {
        .spoken(SpokenText(participant: "agent-1", segmentID: segment, text: text, isFinal: isFinal))
    }

    // MARK: Staying and leaving

    @Test("without a grace time the participant leaves at once")
    func noGrace() throws {
        let harness = try harness(grace: .zero)
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        harness.session.clientLost()
        #expect(harness.room.leftAt == harness.clock.now && harness.ended != nil)
        #expect(!harness.session.resume(with: FakeClient(clock: harness.clock)))
    }

    @Test("a client that does not come back within the grace time leaves its room then, and not before")
    func graceExpires() throws {
        let harness = try harness()
        harness.room.welcome()
        let lostAt = harness.clock.now
        harness.session.clientLost()
        harness.clock.advance(by: Self.grace - .milliseconds(1))
        #expect(harness.room.leftAt == nil && harness.session.isClientAbsent)
        harness.clock.advance(by: .milliseconds(1))
        #expect(harness.room.leftAt == lostAt + Self.grace)
        #expect(harness.ended != nil && harness.tick.clientCount == 0)
        #expect(!harness.session.resume(with: FakeClient(clock: harness.clock)))
    }

    @Test("a client that came back has all of its grace time again")
    func graceAnew() throws {
        let harness = try harness()
        harness.room.welcome()
        for _ in 0..<3 {
            harness.session.clientLost()
            harness.clock.advance(by: Self.grace - .seconds(1))
            _ = try comeBack(harness)
            harness.clock.advance(by: Self.grace + .seconds(1))
        }
        #expect(harness.room.leftAt == nil && harness.ended == nil)
    }

    @Test("a client that says goodbye is not waited for")
    func goodbye() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.session.clientClosed()
        #expect(harness.room.leftAt == harness.clock.now && harness.ended != nil)
    }

    @Test("before the room is joined there is nothing to come back to")
    func lostWhileJoining() throws {
        let harness = try harness()
        let room = harness.room
        harness.session.clientLost()
        #expect(room.leftAt != nil && harness.ended != nil)
    }

    @Test("what ends a session ends it while its client is away, too")
    func endsWhileAway() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.session.clientLost()
        harness.room.emit(.ended(.roomDeleted))
        #expect(harness.ended != nil && !harness.session.isClientAbsent)
        let other = try self.harness()
        other.room.welcome()
        other.session.clientLost()
        other.session.shutDown()
        #expect(other.room.leftAt == other.clock.now && other.ended != nil)
    }

    // MARK: Texts

    @Test("the session event carries the token, and says on a later connection that it is the same session")
    func sessionEvent() throws {
        let harness = try harness("identity=ann&room=lobby")
        harness.room.welcome()
        let first = try #require(harness.client.events("session").first)
        #expect(first["resume_token"] == "0.token" && first["resumed"] == nil)
        harness.session.clientLost()
        let client = try comeBack(harness)
        #expect(client.texts.count == 3)
        #expect(client.events("ready").count == 1)
        let again = try #require(client.events("session").first)
        #expect(again["resumed"] == true && again["dropped"] == ["messages": 0, "audio_ms": 0])
        for field in ["id", "room", "identity", "resume_token", "output"] { #expect(again[field] == first[field]) }
        harness.clock.advance(by: .seconds(1))
        #expect(harness.connector.rooms.count == 1 && harness.dispatcher.created.count == 1)
    }

    @Test("what happened meanwhile comes once, in its order, before anything new, and the agent's state last")
    func queuedEvents() throws {
        let harness = try harness()
        harness.room.welcome()
        let before = harness.client.texts.count
        harness.session.clientLost()
        harness.room.state("thinking")
        harness.room.emit(say("one", segment: "a"))
        harness.room.emit(.data(ApplicationData(topic: "t", sender: "agent-1", payload: Array("two".utf8))))
        harness.room.state("speaking")
        harness.room.emit(say("three", segment: "b"))
        harness.clock.advance(by: .seconds(3))
        let client = try comeBack(harness)
        harness.room.emit(say("four", segment: "c"))
        let told = try client.texts.map { try JSONValue(parsing: $0) }
        #expect(
            told.map { $0["type"] } == [
                "ready", "session", "transcript", "data", "transcript", "agent_state", "transcript",
            ])
        #expect(client.events("transcript").map { $0["content"] } == ["one", "three", "four"])
        #expect(client.events("agent_state").map { $0["state"] } == ["speaking"])
        #expect(harness.client.texts.count == before)
        harness.session.clientLost()
        let third = try comeBack(harness)
        #expect(third.events("transcript").isEmpty && third.events("data").isEmpty)
        #expect(third.events("agent_state").map { $0["state"] } == ["speaking"])
    }

    @Test("of a segment's transcripts only the latest waits")
    func interimTranscripts() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.session.clientLost()
        harness.room.emit(say("h", segment: "a", isFinal: false))
        harness.room.emit(say("other", segment: "b", isFinal: false))
        harness.room.emit(say("he", segment: "a", isFinal: false))
        harness.room.emit(say("hello", segment: "a"))
        let client = try comeBack(harness)
        #expect(client.events("transcript").map { $0["content"] } == ["other", "hello"])
    }

    @Test("when too many messages wait the oldest go, and the client is told how many")
    func tooManyEvents() throws {
        let harness = try harness { $0.maximumHeldMessages = 3 }
        harness.room.welcome()
        harness.session.clientLost()
        for number in 0..<5 { harness.room.emit(say("\(number)", segment: "\(number)")) }
        let client = try comeBack(harness)
        #expect(client.events("transcript").map { $0["content"] } == ["2", "3", "4"])
        #expect(client.events("session").first?["dropped"]?["messages"] == 2)
    }

    // MARK: One connection at a time

    @Test("a second connection takes the session over from one that is still open")
    func takeOver() throws {
        let harness = try harness()
        harness.room.welcome()
        let second = try comeBack(harness)
        #expect(harness.client.closure?.code == 4409)
        #expect(harness.client.events("closing").first?["reason"] == "taken_over")
        #expect(second.events("session").first?["resumed"] == true)
        let third = try comeBack(harness)
        #expect(second.closure?.code == 4409 && third.closure == nil)
        let silent = [harness.client.texts.count, second.texts.count]
        harness.room.emit(say("hello"))
        #expect(third.events("transcript").count == 1)
        #expect([harness.client.texts.count, second.texts.count] == silent)
        #expect(harness.room.leftAt == nil)
    }

    @Test("a token in a config message is refused with what is allowed")
    func tokenInConfig() throws {
        let harness = try harness()
        harness.send(text: #"{"type":"config","data":{"session":"0.other"}}"#)
        let error = try #require(harness.client.events("error").first)
        #expect(error["code"] == "invalid_parameter" && error["message"]?.string?.contains("query") == true)
        #expect(error["message"]?.string?.contains("0.other") == false)
        #expect(harness.client.closure?.code == 4400)
    }

    @Test("a client that is refused for its session is told whose affair that is")
    func refusal() throws {
        let harness = try harness()
        harness.session.refuse(SessionRefusal(ClientError(.sessionExpired, "over"), .sessionExpired))
        let error = try #require(harness.client.events("error").first)
        #expect(error["code"] == "session_expired" && error["blame"] == "client" && error["retry"] == false)
        #expect(harness.client.closure?.code == 4410)
    }

    // MARK: The caller's sound

    @Test("the caller's sound goes on after a pause: nothing is lost, nothing comes twice")
    func uplink() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        harness.stream(ramp(0..<3200))
        harness.session.clientLost()
        harness.clock.advance(by: .seconds(5))
        #expect(harness.room.heard == ramp(0..<3200))
        _ = try comeBack(harness)
        harness.stream(ramp(3200..<6400))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.heard == ramp(0..<6400))
        // The media clock has gone on, and the room heard silence at the beginning of the pause.
        let packets = harness.room.packets
        for (packet, next) in zip(packets, packets.dropFirst()) { #expect(next.timestamp >= packet.timestamp + 960) }
        let ahead = Int((packets[packets.count - 1].at - packets[0].at).milliseconds)
        #expect(abs(Int(packets[packets.count - 1].timestamp - packets[0].timestamp) / 48 - ahead) <= 220)
    }

    @Test("what a burst has left over is played while the client is away")
    func uplinkBacklog() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        harness.send(ramp(0..<16_000))
        harness.session.clientLost()
        harness.clock.advance(by: .seconds(2))
        #expect(harness.room.heard == ramp(0..<16_000))
    }

    @Test("half a sample and half a frame of the old connection do not run into the new one")
    func uplinkAlignment() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        harness.send(bytes: bytesOf(ramp(0..<100)) + [0x55])
        harness.session.clientLost()
        harness.clock.advance(by: .milliseconds(100))
        _ = try comeBack(harness)
        harness.send(ramp(100..<420))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.heard == ramp(0..<420))
    }

    // MARK: The agent's sound

    @Test("the agent's sound is kept and comes once, before what follows it")
    func downlink() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR", participant: "agent-1"))
        for frame in 0..<30 {
            if frame == 10 { harness.session.clientLost() }
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR")
            harness.clock.advance(by: .milliseconds(20))
        }
        let client = try comeBack(harness)
        for frame in 30..<40 {
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR")
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(harness.client.samples == ramp(0..<4800))
        #expect(client.samples == ramp(4800..<19_200))
        #expect(client.events("session").first?["dropped"]?["audio_ms"] == 0)
    }

    @Test("of long speech the latest is kept, and the client is told how much is missing")
    func downlinkBound() throws {
        let harness = try harness { $0.heldSound = .milliseconds(200) }
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR", participant: "agent-1"))
        harness.session.clientLost()
        for frame in 0..<25 {
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR")
            harness.clock.advance(by: .milliseconds(20))
        }
        let client = try comeBack(harness)
        #expect(client.samples == ramp(15 * 480..<25 * 480))
        #expect(client.events("session").first?["dropped"]?["audio_ms"] == 300)
        #expect(harness.session.currentStatistics.audioMessagesDropped == 15)
    }

    @Test("sound as text is bounded alike, and stays in order with the events")
    func downlinkAsText() throws {
        let harness = try harness("output_framing=json") { $0.heldSound = .milliseconds(40) }
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR", participant: "agent-1"))
        harness.session.clientLost()
        for frame in 0..<4 {
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR")
            harness.room.emit(say("\(frame)", segment: "\(frame)"))
            harness.clock.advance(by: .milliseconds(20))
        }
        let client = try comeBack(harness)
        let types = try client.texts.map { try JSONValue(parsing: $0)["type"] }
        #expect(
            types == [
                "ready", "session", "transcript", "transcript", "audio", "transcript", "audio", "transcript",
                "agent_state",
            ])
        #expect(client.events("session").first?["dropped"]?["audio_ms"] == 40)
    }

    @Test("after an interruption nothing of the agent's old sound is kept")
    func interruptedWhileAway() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR", participant: "agent-1"))
        harness.session.clientLost()
        harness.sound(ramp(0..<480), track: "TR")
        harness.room.emit(
            .data(
                ApplicationData(
                    topic: "", sender: "agent-1", payload: Array(#"{"type":"interrupted"}"#.utf8))))
        harness.sound(ramp(480..<960), track: "TR")
        let client = try comeBack(harness)
        #expect(client.events("interrupted").count == 1)
        #expect(client.samples == ramp(480..<960))
    }

    // MARK: What the network has swallowed

    /// Sends frames of the agent.
    private func speak(_ harness: Harness, _ frames: Range<Int>) {
        for frame in frames {
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR")
            harness.clock.advance(by: .milliseconds(20))
        }
    }

    @Test("sound that had not arrived when the connection broke comes first on the next one, and once")
    func halfOpen() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR", participant: "agent-1"))
        speak(harness, 0..<40)
        harness.client.hangs = true
        speak(harness, 40..<100)
        harness.session.clientLost()
        speak(harness, 100..<120)
        let client = try comeBack(harness)
        #expect(client.samples == ramp(40 * 480..<120 * 480))
        #expect(client.events("session").first?["dropped"]?["audio_ms"] == 0)
        harness.session.clientLost()
        #expect(try comeBack(harness).samples.isEmpty)
    }

    @Test("of 15 s that went nowhere the last 5 s are kept, and the client is told of the others")
    func longHalfOpen() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR", participant: "agent-1"))
        harness.client.hangs = true
        speak(harness, 0..<750)
        harness.session.clientLost()
        let client = try comeBack(harness)
        #expect(client.samples == ramp(500 * 480..<750 * 480))
        #expect(client.events("session").first?["dropped"]?["audio_ms"] == 10_000)
    }

    @Test("a connection that takes over from one that hangs gets what that has not delivered")
    func takeOverOfHangingConnection() throws {
        let harness = try harness()
        harness.room.welcome()
        harness.room.emit(say("one"))
        harness.client.hangs = true
        harness.room.emit(say("two", segment: "t"))
        let client = try comeBack(harness)
        #expect(client.events("transcript").map { $0["content"] } == ["two"])
        #expect(client.events("ready").count == 1 && client.events("session").count == 1)
    }
}
