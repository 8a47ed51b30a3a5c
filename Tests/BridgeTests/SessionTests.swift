import Bridge
import ClientProtocol
import PeerConnection
import Testing
import Wire

@Suite("A session from the client's side")
struct SessionTests {
    @Test("a client is welcomed, gets its room, and the agent is dispatched once with the metadata")
    func opening() throws {
        let harness = try Harness("identity=u-1&name=Ada&metadata=%7B%22a%22%3A1%7D&instructions=Be+kind")
        #expect(harness.client.events("ready").count == 1)
        let room = harness.room
        #expect(room.request.identity == "u-1" && room.request.name == "Ada")
        #expect(room.request.room.hasPrefix("room-"))
        room.welcome()
        harness.clock.advance(by: .seconds(1))
        #expect(harness.dispatcher.created.count == 1 && harness.dispatcher.placed == 0)
        #expect(harness.dispatcher.created.first?.agent == "clerk")
        #expect(
            harness.dispatcher.created.first?.metadata == #"{"a":1,"instructions":"Be kind","prompt":"Be kind"}"#)
        let session = try #require(harness.client.events("session").first)
        #expect(session["room"]?.string == room.request.room && session["identity"] == "u-1")
        #expect(harness.client.events("agent_joined").first?["identity"] == "agent-1")
        #expect(harness.client.events("agent_state").map { $0["state"] } == ["listening"])
    }

    @Test("a config message before anything else still counts for the room and the agent")
    func configuration() throws {
        let harness = try Harness()
        harness.clock.advance(by: .milliseconds(100))
        harness.send(
            text: #"{"type":"config","data":{"room":"lobby","user_id":"u","agent":"other","instructions":"x"}}"#)
        #expect(harness.room.request.room == "lobby" && harness.room.request.identity == "u")
        harness.clock.advance(by: .milliseconds(10))
        #expect(harness.dispatcher.placed == 1)
        #expect(harness.dispatcher.created.first?.agent == "other")
        #expect(harness.client.events("configured").first?["instructions"] == "x...")
        harness.send(text: #"{"type":"config","data":{"room":"elsewhere"}}"#)
        #expect(harness.client.events("error").first?["code"] == "too_late")
        #expect(harness.client.closure == nil)
    }

    @Test("instructions that come later reach the agent as data and as an attribute")
    func laterInstructions() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.send(text: #"{"type":"config","data":{"instructions":"Sing"}}"#)
        #expect(harness.room.attributes["instructions"] == "Sing")
        let sent = try #require(harness.room.data.first)
        #expect(sent.topic == "config")
        #expect(try JSONValue(parsing: sent.payload)["instructions"] == "Sing")
    }

    @Test("a room that has the agent's dispatch gets no second one")
    func existingDispatch() throws {
        let harness = try Harness("room=lobby")
        harness.dispatcher.existing["lobby"] = ["clerk"]
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        #expect(harness.dispatcher.placed == 1 && harness.dispatcher.created.isEmpty)
    }

    @Test("an empty agent means none: nobody is dispatched or waited for, and sound goes at once")
    func noAgent() throws {
        let harness = try Harness("agent=")
        harness.room.welcome(agent: nil)
        harness.send(ramp(0..<320))
        harness.clock.advance(by: .seconds(70))
        #expect(harness.dispatcher.created.isEmpty && harness.client.closure == nil)
        #expect(harness.room.heard == ramp(0..<320))
    }

    @Test("a dispatch that fails before the room is there is tried again; then the client is told")
    func dispatchFails() throws {
        let failure = Failure("no permission", blame: .operator)
        let again = try Harness()
        again.dispatcher.failures = [failure]
        again.clock.advance(by: .milliseconds(300))
        again.room.welcome(agent: nil)
        again.clock.advance(by: .milliseconds(10))
        #expect(again.dispatcher.created.count == 1 && again.client.events("error").isEmpty)

        let told = try Harness()
        told.dispatcher.failures = [failure, failure]
        told.clock.advance(by: .milliseconds(300))
        told.room.welcome(agent: nil)
        told.clock.advance(by: .milliseconds(10))
        let error = try #require(told.client.events("error").first)
        #expect(error["code"] == "dispatch_failed" && error["blame"] == "operator")
        #expect(error["message"]?.string?.contains("no permission") == true)
    }

    @Test("no agent in ten seconds: the client is told why and stays")
    func agentTimeout() throws {
        let harness = try Harness()
        harness.dispatcher.absences = [
            Failure("all are busy", blame: .operator, isRetryable: true), Failure("it failed", blame: .operator),
        ]
        harness.room.welcome(agent: nil)
        harness.clock.advance(by: .milliseconds(9990))
        #expect(harness.client.events("error").isEmpty && harness.dispatcher.questions.isEmpty)
        harness.clock.advance(by: .milliseconds(20))
        let error = try #require(harness.client.events("error").first)
        #expect(error["code"] == "agent_timeout" && error["retry"] == true && error["blame"] == "operator")
        #expect(error["message"] == "no agent has joined within 10 s: all are busy")
        #expect(harness.client.closure == nil)
        harness.clock.advance(by: .seconds(50))
        #expect(harness.client.closure?.code == 4504)
        let closing = try #require(harness.client.events("closing").first)
        #expect(closing["reason"] == "agent_timeout")
        #expect(closing["message"] == "no agent has joined within 60 s: it failed")
        #expect(harness.client.events("error").count == 1 && harness.dispatcher.questions.count == 2)
        #expect(harness.room.leftAt != nil && harness.ended != nil)
    }

    @Test("an agent that leaves is reported with its reason; then the session ends normally")
    func agentLeaves() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.room.emit(.participantLeft(identity: "agent-1", reason: "client initiated"))
        let left = try #require(harness.client.events("agent_left").first)
        #expect(left["identity"] == "agent-1" && left["reason"] == "client initiated")
        harness.clock.advance(by: .seconds(11))
        #expect(harness.client.closure?.code == 1000)
    }

    @Test("what is said between two agents is kept for the second")
    func replacement() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(3))
        harness.room.emit(.participantLeft(identity: "agent-1", reason: ""))
        harness.stream(slope(0..<16_000))
        #expect(harness.room.heard.isEmpty)
        harness.room.bring(agent: "agent-2", state: "listening")
        harness.clock.advance(by: .seconds(2))
        let isKept = isWhole(harness.room.heard, 0..<16_000)
        #expect(isKept)
        #expect(harness.client.closure == nil)
    }

    @Test("an agent without a state hears after a moment")
    func statelessAgent() throws {
        let harness = try Harness()
        harness.room.welcome(state: nil)
        harness.send(ramp(0..<320))
        harness.clock.advance(by: .milliseconds(1900))
        #expect(harness.room.heard.isEmpty)
        harness.clock.advance(by: .milliseconds(200))
        #expect(harness.room.heard == ramp(0..<320))
    }

    @Test("the first words wait for an agent that joins at once and begins its session 15 s later")
    func lateSession() throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        var agent = RoomMember(identity: "agent-1", isAgent: true, attributes: ["lk.agent.name": "clerk"])
        harness.room.emit(.participantJoined(agent))
        harness.room.emit(.microphoneSubscribed)
        harness.stream(slope(0..<16_000))
        harness.clock.advance(by: .seconds(14))
        #expect(harness.room.heard.isEmpty)
        agent.attributes["lk.agent.state"] = "listening"
        harness.room.emit(.participantChanged(agent))
        harness.clock.advance(by: .seconds(2))
        let isKept = isWhole(harness.room.heard, 0..<16_000)
        #expect(isKept)
    }

    @Test("the face of an agent is no second agent")
    func avatar() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.room.emit(
            .participantJoined(
                RoomMember(identity: "face", isAgent: true, attributes: ["lk.publish_on_behalf": "agent-1"])))
        #expect(harness.client.events("agent_joined").count == 1)
    }

    @Test("when the client goes, the participant leaves at that very moment")
    func clientGoes() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        let now = harness.clock.now
        harness.session.clientClosed()
        #expect(harness.room.leftAt == now && harness.client.closure == nil)
        #expect(harness.session.hasEnded && harness.tick.clientCount == 0)
        let texts = harness.client.texts.count
        harness.room.emit(.ended(.connectionLost))
        harness.send(ramp(0..<320))
        harness.clock.advance(by: .seconds(100))
        #expect(harness.client.texts.count == texts)
    }

    @Test("shutdown: told, left, closed with 1001")
    func shutdown() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.session.shutDown()
        #expect(harness.client.events("closing").first?["reason"] == "shutdown")
        #expect(harness.client.closure?.code == 1001 && harness.room.leftAt != nil)
    }

    @Test("a room that cannot be joined, and one that is lost, are told and closed")
    func roomTroubles() throws {
        let refused = try Harness()
        refused.room.emit(
            .failed(Failure("the access token is refused", blame: .operator)))
        let error = try #require(refused.client.events("error").first)
        #expect(error["code"] == "room_unavailable" && error["blame"] == "operator" && error["retry"] == false)
        #expect(refused.client.closure?.code == 1011)

        let lost = try Harness()
        lost.room.welcome()
        lost.room.emit(.ended(.connectionLost))
        #expect(lost.client.events("error").first?["code"] == "room_lost")
        #expect(lost.client.closure?.code == 1011)

        let deleted = try Harness()
        deleted.room.welcome()
        deleted.room.emit(.ended(.roomDeleted))
        #expect(deleted.client.events("error").isEmpty)
        #expect(deleted.client.closure?.code == 1000)
    }

    @Test("an invalid parameter in a config message closes with 4400 and names it")
    func invalidParameter() throws {
        let harness = try Harness()
        harness.send(text: #"{"type":"config","data":{"sample_rate":96000}}"#)
        let error = try #require(harness.client.events("error").first)
        #expect(error["code"] == "invalid_parameter")
        for word in ["sample_rate", "96000", "44100"] { #expect(error["message"]?.string?.contains(word) == true) }
        #expect(harness.client.closure?.code == 4400)
    }

    @Test("malformed messages are answered and harm nothing")
    func malformed() throws {
        let harness = try Harness()
        for text in ["", "{", "null", #"{"type":"?"}"#, #"{"type":"audio","data":"%"}"#] { harness.send(text: text) }
        harness.session.receive(text: [0xFF, 0xFE])
        #expect(harness.client.events("error").count == 6)
        harness.send(text: #"{"type":"ping","id":"a"}"#)
        #expect(harness.client.events("pong").first?["id"] == "a")
        #expect(harness.client.closure == nil)
    }

    @Test("messages without measure end the session with 1008")
    func flood() throws {
        let harness = try Harness { $0.limits.messageBurst = 100 }
        for _ in 0..<101 { harness.send(ramp(0..<320)) }
        #expect(harness.client.events("error").last?["code"] == "rate_limited")
        #expect(harness.client.closure?.code == 1008)
    }

    @Test("text, data and keys wait for the agent and then reach it in order")
    func messages() throws {
        let harness = try Harness()
        harness.send(text: #"{"type":"text","data":"hello"}"#)
        harness.send(text: #"{"type":"data","topic":"t","payload":{"x":1}}"#)
        harness.send(text: #"{"type":"dtmf","digits":"1#"}"#)
        let room = harness.room
        room.emit(.joined(room: "r", identity: "me"))
        room.emit(.microphonePublished(track: "TR_mic"))
        #expect(room.chats.isEmpty)
        room.bring(agent: "agent-1", state: "listening")
        #expect(room.chats == ["hello"] && room.digits == [.one, .pound])
        #expect(room.data.first?.topic == "t" && room.data.first?.payload == Array(#"{"x":1}"#.utf8))
        for _ in 0..<70 { harness.send(text: #"{"type":"text","data":"again"}"#) }
        #expect(room.chats.count == 71)
    }

    @Test("too many messages that nobody takes are refused, one by one")
    func undelivered() throws {
        let harness = try Harness()
        for _ in 0..<70 { harness.send(text: #"{"type":"text","data":"hello"}"#) }
        #expect(harness.client.events("error").filter { $0["code"] == "undelivered" }.count == 6)
    }

    @Test("an agent's JSON goes to the client as it is; other data with topic and sender")
    func data() throws {
        let harness = try Harness()
        harness.room.welcome()
        let json = #"{"type": "custom", "n":1 }"#
        harness.room.emit(.data(ApplicationData(topic: "x", sender: "agent-1", payload: Array(json.utf8))))
        #expect(harness.client.texts.last == json)
        harness.room.emit(.participantJoined(RoomMember(identity: "guest")))
        harness.room.emit(.data(ApplicationData(topic: "x", sender: "guest", payload: Array(json.utf8))))
        let told = try #require(harness.client.events("data").first)
        #expect(told["sender"] == "guest" && told["topic"] == "x" && told["payload"]?["n"] == 1)
        let count = harness.client.texts.count
        harness.room.emit(.data(ApplicationData(topic: "lk.secret", sender: "agent-1", payload: [1])))
        #expect(harness.client.texts.count == count)
    }

    @Test("data that overtakes the news of its sender waits for it, though not for long")
    func unintroducedSender() throws {
        let harness = try Harness()
        let json = #"{"type":"agent.metadata"}"#
        harness.room.welcome(agent: nil)
        harness.room.emit(.data(ApplicationData(topic: "", sender: "agent-1", payload: Array(json.utf8))))
        harness.room.emit(.data(ApplicationData(topic: "", sender: "nobody", payload: [1])))
        #expect(!harness.client.texts.contains(json))
        harness.room.bring(agent: "agent-1", state: "listening")
        let joined = try #require(harness.client.texts.firstIndex { $0.contains("agent_joined") })
        let passed = try #require(harness.client.texts.firstIndex(of: json))
        #expect(joined < passed)
        #expect(harness.client.events("data").isEmpty)
        harness.clock.advance(by: .seconds(1))
        #expect(harness.client.events("data").first?["sender"] == "nobody")
    }

    @Test("transcripts come with role, text, finality and segment")
    func transcripts() throws {
        let harness = try Harness("identity=me")
        harness.room.welcome()
        harness.room.emit(.spoken(SpokenText(participant: "me", segmentID: "SG_1", text: "hel", isFinal: false)))
        harness.room.emit(.spoken(SpokenText(participant: "me", segmentID: "SG_1", text: "hello", isFinal: true)))
        harness.room.emit(.spoken(SpokenText(participant: "agent-1", segmentID: "SG_2", text: "hi", isFinal: true)))
        let told = harness.client.events("transcript")
        #expect(told.map { $0["role"] } == ["user", "user", "assistant"])
        #expect(told.map { $0["final"] } == [false, true, true])
        #expect(told.map { $0["segment_id"] } == ["SG_1", "SG_1", "SG_2"])
    }

    @Test("an agent.state packet is the state where there is no attribute")
    func jsonState() throws {
        let harness = try Harness()
        harness.room.welcome(state: nil)
        let json = #"{"type":"agent.state","state":"thinking"}"#
        harness.room.emit(.data(ApplicationData(topic: "", sender: "agent-1", payload: Array(json.utf8))))
        #expect(harness.client.events("agent_state").first?["state"] == "thinking")
        #expect(harness.client.texts.contains(json))
    }

    @Test("the caller speaks over the agent: the client is told to drop what it has")
    func interrupted() throws {
        let harness = try Harness("frame_ms=100")
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR_0", participant: "agent-1"))
        harness.room.state("speaking")
        harness.sound(ramp(0..<480), track: "TR_0")
        harness.stream(ramp(0..<3200))
        harness.sound(ramp(0..<480), track: "TR_0")
        let sent = harness.client.audio.count
        harness.room.state("listening")
        #expect(harness.client.events("interrupted").count == 1 && harness.client.discards == 1)
        // The unfinished frame is gone, too.
        harness.clock.advance(by: .seconds(1))
        #expect(harness.client.audio.count == sent)
    }

    @Test("an agent that ends by itself interrupts nothing")
    func finished() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.stream(ramp(0..<3200))
        harness.room.state("thinking")
        harness.room.state("speaking")
        harness.clock.advance(by: .seconds(4))
        harness.room.state("listening")
        #expect(harness.client.events("interrupted").isEmpty)
    }

    @Test("with Opus, too, silence interrupts nothing, and speech does at once", arguments: [3, 6000])
    func opusInterruption(loudness: Int16) throws {
        let harness = try Harness("encoding=opus&output_encoding=opus")
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR_0", participant: "agent-1"))
        harness.room.state("speaking")
        for _ in 0..<50 {
            harness.sound(ramp(0..<960), track: "TR_0")
            harness.send(bytes: [0xF8] + bytesOf([Int16](repeating: loudness, count: 320)))
            harness.clock.advance(by: .milliseconds(20))
        }
        harness.room.state("listening")
        #expect(harness.client.events("interrupted").count == (loudness == 3 ? 0 : 1))
    }

    @Test("the client's interrupt reaches the agent, and its voice stops at once")
    func clientInterrupts() throws {
        let harness = try Harness { $0.interruptRPCMethod = "stop" }
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR_0", participant: "agent-1"))
        harness.room.state("speaking")
        harness.sound(ramp(0..<480), track: "TR_0")
        harness.send(text: #"{"type":"interrupt"}"#)
        #expect(harness.client.events("interrupted").count == 1)
        #expect(harness.room.data.first?.topic == "interrupt" && harness.room.data.first?.destinations == ["agent-1"])
        #expect(harness.room.calls.first?.method == "stop")
        let heard = harness.client.audio.count
        harness.sound(ramp(0..<480), track: "TR_0")
        #expect(harness.client.audio.count == heard)
        harness.room.state("listening")
        harness.room.state("speaking")
        harness.sound(ramp(0..<480), track: "TR_0")
        #expect(harness.client.audio.count == heard + 1)
    }

    @Test("sessions that come and go leave no tick running")
    func ticks() throws {
        let harness = try Harness()
        #expect(harness.tick.clientCount == 1)
        harness.session.clientClosed()
        #expect(harness.tick.clientCount == 0)
        #expect(harness.ended?.clientMessages == 0)
    }
}
