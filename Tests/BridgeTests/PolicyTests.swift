import Bridge
import ClientProtocol
import TestSupport
import Testing
import Wire

/// A policy that knows one token and refuses one agent.
private final class FakePolicy: SessionPolicy {
    final class Right: IdentityRight {
        let onEnd: () -> Void
        init(onEnd: @escaping () -> Void) { self.onEnd = onEnd }
        deinit { onEnd() }
    }

    var refusesDuplicates = false
    var bearers: [String: TokenBearer] = [:]
    var claims: [(identity: String, room: String)] = []
    var held = 0
    var noted: [SessionRefusal] = []
    /// Answers the oldest claim.
    var answers: [(Result<any IdentityRight, SessionRefusal>) -> Void] = []

    func examine(_ parameters: SessionParameters) throws(SessionRefusal) -> TokenBearer? {
        if parameters.agent == "forbidden" {
            throw SessionRefusal(InvalidParameter(name: "agent", value: "forbidden", allowed: "clerk"))
        }
        guard let token = parameters.accessToken else { return nil }
        guard let bearer = bearers[token] else {
            throw SessionRefusal(ClientError(.unauthorized, "the access token expired"), .unauthorized)
        }
        return bearer
    }

    func note(_ refusal: SessionRefusal) { noted.append(refusal) }

    func claim(
        _ identity: String, in room: String, completion: @escaping (Result<any IdentityRight, SessionRefusal>) -> Void
    ) {
        claims.append((identity, room))
        answers.append(completion)
    }

    func answer(_ refusal: SessionRefusal? = nil) {
        let completion = answers.removeFirst()
        if let refusal { return completion(.failure(refusal)) }
        held += 1
        completion(.success(Right { self.held -= 1 }))
    }

    static let duplicate = SessionRefusal(ClientError(.duplicateIdentity, "somebody has it"), .duplicateIdentity)
}

@Suite("What a client may choose")
struct PolicyTests {
    @Test("an agent that the operator does not allow is refused in the query, before anything is joined")
    func query() throws {
        let harness = try Harness("agent=forbidden", policy: FakePolicy())
        #expect(harness.client.closure?.code == 4400)
        let message = harness.client.events("error").first?["message"]?.string ?? ""
        for word in ["agent", "forbidden", "clerk"] { #expect(message.contains(word)) }
        harness.clock.advance(by: .seconds(20))
        #expect(harness.connector.rooms.isEmpty && harness.dispatcher.created.isEmpty && harness.ended != nil)
    }

    @Test("so it is in a config message")
    func configuration() throws {
        let harness = try Harness(policy: FakePolicy())
        harness.send(text: #"{"type":"config","data":{"agent":"forbidden"}}"#)
        #expect(harness.client.closure?.code == 4400)
        #expect(harness.connector.rooms.isEmpty && harness.dispatcher.created.isEmpty)
    }

    @Test("a config message that cannot be is refused, and the policy is told, so that it counts")
    func mistakenConfiguration() throws {
        let policy = FakePolicy()
        let harness = try Harness(policy: policy)
        harness.send(text: #"{"type":"config","data":{"encoding":"mp3"}}"#)
        #expect(harness.client.closure?.code == 4400)
        #expect(policy.noted.map(\.reason) == [.invalidParameter])
    }

    @Test("a token that is no longer valid is refused with its own code")
    func expired() throws {
        let harness = try Harness("access_token=old", policy: FakePolicy())
        #expect(harness.client.events("error").first?["code"] == "unauthorized")
        #expect(harness.client.events("closing").first?["reason"] == "unauthorized")
        #expect(harness.client.closure?.code == 4403 && harness.connector.rooms.isEmpty)
    }

    @Test("the room and the identity of a token are those that are joined, also when it comes in a config message")
    func bearer() throws {
        let policy = FakePolicy()
        policy.bearers["t"] = TokenBearer(room: "office", identity: "ann")
        for query in ["access_token=t", ""] {
            let harness = try Harness(query, policy: policy)
            if query.isEmpty { harness.send(text: #"{"type":"config","data":{"access_token":"t"}}"#) }
            let request = harness.room.request
            #expect(request.room == "office" && request.identity == "ann" && request.accessToken == "t")
            harness.clock.advance(by: .milliseconds(1))
            #expect(harness.dispatcher.created.map(\.room) == ["office"])
        }
    }

    @Test("a token cannot be put away to stay in its room without what it forbids")
    func putAway() throws {
        let policy = FakePolicy()
        policy.bearers["t"] = TokenBearer(room: "office", identity: "ann")
        let harness = try Harness("access_token=t", policy: policy)
        harness.send(text: #"{"type":"config","data":{"access_token":""}}"#)
        #expect(harness.client.closure?.code == 4400)
        #expect(harness.client.events("error").first?["message"]?.string?.contains("access_token") == true)
        harness.clock.advance(by: .seconds(1))
        #expect(harness.connector.rooms.isEmpty && harness.dispatcher.created.isEmpty)
    }

    @Test("the agents of a token are the server's to dispatch: nobody is dispatched a second time")
    func agentsOfTokens() throws {
        let policy = FakePolicy()
        policy.bearers["t"] = TokenBearer(
            room: "office", identity: "ann", agents: [.init(name: "guide", metadata: #"{"a":1}"#)])
        let harness = try Harness("access_token=t", policy: policy)
        let room = harness.room
        harness.clock.advance(by: .seconds(1))
        // Whoever dispatches before the join makes the room, and the token's own agents never come.
        #expect(harness.dispatcher.placed == 0 && harness.dispatcher.created.isEmpty)
        harness.dispatcher.existing["office"] = ["guide"]
        room.welcome(agent: nil)
        harness.clock.advance(by: .seconds(1))
        #expect(harness.dispatcher.placed == 1 && harness.dispatcher.created.isEmpty)
    }

    @Test("in a room that was there already the agent of a token is dispatched with the token's metadata")
    func oldRoom() throws {
        let policy = FakePolicy()
        policy.bearers["t"] = TokenBearer(
            room: "office", identity: "ann", agents: [.init(name: "guide", metadata: #"{"a":1}"#)])
        let harness = try Harness("access_token=t", policy: policy)
        harness.room.welcome(agent: nil)
        harness.clock.advance(by: .seconds(1))
        #expect(harness.dispatcher.created.map(\.agent) == ["guide"])
        #expect(harness.dispatcher.created.first?.metadata.contains(#""a":1"#) == true)
    }

    @Test("where identities are kept, the room is joined and the agent dispatched only when the identity is free")
    func claim() throws {
        let policy = FakePolicy()
        policy.refusesDuplicates = true
        let harness = try Harness("room=lobby&identity=ann", policy: policy)
        harness.send(ramp(0..<320))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.connector.rooms.isEmpty && harness.dispatcher.created.isEmpty)
        #expect(policy.claims.map(\.identity) == ["ann"] && policy.claims.map(\.room) == ["lobby"])
        policy.answer()
        harness.clock.advance(by: .milliseconds(1))
        #expect(harness.connector.rooms.count == 1 && harness.dispatcher.created.count == 1 && policy.held == 1)
        // What was said meanwhile is not lost.
        harness.room.welcome()
        harness.clock.advance(by: .milliseconds(100))
        #expect(harness.room.heard.starts(with: ramp(0..<320)))
        harness.session.clientClosed()
        #expect(policy.held == 0 && harness.ended != nil)
    }

    @Test("a client whose identity is in use is told so, closed with 4409, and costs nothing")
    func duplicate() throws {
        let policy = FakePolicy()
        policy.refusesDuplicates = true
        let harness = try Harness("room=lobby&identity=ann", policy: policy)
        harness.clock.advance(by: .seconds(1))
        policy.answer(FakePolicy.duplicate)
        harness.clock.advance(by: .seconds(1))
        #expect(harness.client.events("error").first?["code"] == "duplicate_identity")
        #expect(harness.client.closure?.code == 4409 && harness.ended != nil)
        #expect(harness.connector.rooms.isEmpty && harness.dispatcher.created.isEmpty && harness.dispatcher.placed == 0)
    }

    @Test("a client that goes while it waits for its identity gives it back")
    func goneWhileWaiting() throws {
        let policy = FakePolicy()
        policy.refusesDuplicates = true
        let harness = try Harness("room=lobby&identity=ann", policy: policy)
        harness.clock.advance(by: .seconds(1))
        harness.session.clientClosed()
        policy.answer()
        harness.clock.advance(by: .seconds(1))
        #expect(policy.held == 0 && harness.connector.rooms.isEmpty && harness.dispatcher.created.isEmpty)
    }

    @Test("who gets no answer about its identity is told after the time that joining may take")
    func noAnswer() throws {
        let policy = FakePolicy()
        policy.refusesDuplicates = true
        let harness = try Harness("room=lobby&identity=ann", policy: policy)
        harness.clock.advance(by: .seconds(16))
        #expect(harness.client.events("error").first?["code"] == "room_unavailable")
        #expect(harness.client.closure?.code == 1011)
    }

    @Test("a client with a room of its own is not asked after: nobody else can be there")
    func ownRoom() throws {
        let policy = FakePolicy()
        policy.refusesDuplicates = true
        let harness = try Harness("identity=ann", policy: policy)
        #expect(harness.room.request.identity == "ann" && policy.claims.isEmpty)
    }

    @Test("a client that comes back keeps its identity without asking again")
    func resumed() throws {
        let policy = FakePolicy()
        policy.refusesDuplicates = true
        let harness = try Harness("room=lobby&identity=ann", resumeToken: "t", policy: policy) {
            $0.limits.resumeGrace = .seconds(10)
        }
        harness.clock.advance(by: .seconds(1))
        policy.answer()
        harness.room.welcome()
        harness.session.clientLost()
        harness.clock.advance(by: .seconds(5))
        #expect(policy.held == 1)
        #expect(harness.session.resume(with: FakeClient(clock: harness.clock)))
        #expect(policy.claims.count == 1 && policy.held == 1)
    }
}

@Suite("How long a session may last")
struct SessionLimitTests {
    @Test("a session in which nothing is sent and nothing is said ends with 4408")
    func idle() throws {
        let harness = try Harness { $0.limits.idleTimeout = .seconds(30) }
        harness.room.welcome()
        harness.clock.advance(by: .seconds(29))
        #expect(harness.client.closure == nil)
        harness.clock.advance(by: .seconds(2))
        #expect(harness.client.closure?.code == 4408 && harness.ended != nil)
        let closing = harness.client.events("closing").first
        #expect(closing?["reason"] == "idle_timeout" && closing?["message"]?.string?.contains("30 s") == true)
        #expect(harness.room.leftAt != nil)
    }

    @Test("a message of the client, sound of the agent, words and data each keep it going")
    func active() throws {
        let harness = try Harness { $0.limits.idleTimeout = .seconds(30) }
        let room = harness.room
        room.welcome()
        room.emit(.trackSubscribed(track: "TR_a", participant: "agent-1"))
        let steps: [() -> Void] = [
            { harness.send(text: #"{"type":"ping"}"#) },
            { harness.send(ramp(0..<320)) },
            { room.emit(.spoken(SpokenText(participant: "agent-1", segmentID: "1", text: "yes", isFinal: true))) },
            { room.emit(.data(ApplicationData(topic: "t", sender: "agent-1", payload: [1]))) },
            { for _ in 0..<10 { harness.sound(ramp(0..<960), track: "TR_a") } },
        ]
        for step in steps {
            harness.clock.advance(by: .seconds(20))
            step()
        }
        harness.clock.advance(by: .seconds(29))
        #expect(harness.client.closure == nil)
        harness.clock.advance(by: .seconds(3))
        #expect(harness.client.closure?.code == 4408)
    }

    @Test("a session ends after the longest time that one may last, however lively it is")
    func longest() throws {
        let harness = try Harness { $0.limits.maximumSession = .seconds(60) }
        harness.room.welcome()
        for _ in 0..<59 {
            harness.clock.advance(by: .seconds(1))
            harness.send(text: #"{"type":"ping"}"#)
        }
        #expect(harness.client.closure == nil)
        harness.clock.advance(by: .seconds(1))
        #expect(harness.client.closure?.code == 4408 && harness.ended != nil)
        let closing = harness.client.events("closing").first
        #expect(closing?["reason"] == "session_limit" && closing?["message"]?.string?.contains("60 s") == true)
    }

    @Test("a client that comes back does not begin to count anew")
    func resumed() throws {
        let harness = try Harness(resumeToken: "t") {
            $0.limits.maximumSession = .seconds(60)
            $0.limits.resumeGrace = .seconds(10)
        }
        harness.room.welcome()
        harness.clock.advance(by: .seconds(50))
        harness.session.clientLost()
        harness.clock.advance(by: .seconds(5))
        let client = FakeClient(clock: harness.clock)
        #expect(harness.session.resume(with: client))
        harness.clock.advance(by: .seconds(5))
        #expect(client.closure?.code == 4408)
    }

    @Test("without settings nothing runs out")
    func none() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(600))
        #expect(harness.client.closure == nil)
    }
}
