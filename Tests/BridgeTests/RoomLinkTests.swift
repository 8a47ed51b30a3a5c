import ClientProtocol
import TestSupport
import Testing
import Wire

@testable import Bridge

/// Keeps what a link asks for.
private final class Asked: RoomLinkDelegate {
    var actions: [SessionAction] = []
    var milestones: [SessionMilestone] {
        actions.compactMap { if case .note(let milestone) = $0 { milestone } else { nil } }
    }
    /// Without what is only told to those who follow the call.
    var requests: [SessionAction] {
        actions.filter { if case .note = $0 { false } else { true } }
    }
    func follow(_ actions: [SessionAction]) { self.actions += actions }
    func room(_ room: any RoomConnection, event: RoomEvent) {}
}

/// Answers a claim when it is told to.
private final class Claims: SessionPolicy {
    final class Right: IdentityRight {}

    var completion: ((Result<any IdentityRight, SessionRefusal>) -> Void)?
    let refusesDuplicates = true
    func examine(_ parameters: SessionParameters) throws(SessionRefusal) -> TokenBearer? { nil }
    func claim(
        _ identity: String, in room: String,
        completion: @escaping (Result<any IdentityRight, SessionRefusal>) -> Void
    ) { self.completion = completion }
}

@Suite("The line to the room")
struct RoomLinkTests {
    private let clock = VirtualClock()
    private let connector: FakeConnector
    private let dispatcher: FakeDispatcher
    private let asked = Asked()

    init() {
        connector = FakeConnector(clock: clock)
        dispatcher = FakeDispatcher(clock: clock)
    }

    private func link(
        _ query: String, policy: (any SessionPolicy)? = nil, trace: TraceContext? = nil
    ) throws -> RoomLink {
        var parameters = DeviceDialect.descriptor.defaults
        try parameters.apply(query: QueryString(query).pairs)
        var random = SplitMix64(seed: 1)
        let environment = SessionEnvironment(
            configuration: BridgeConfiguration(agentName: "clerk"), rooms: connector, dispatcher: dispatcher,
            coders: FakeCoders(), clock: clock, tick: MediaTick(clock: clock, interval: .milliseconds(20)))
        let caller = CallerProfile(
            parameters, policy: policy, resumeToken: nil, defaultAgent: "clerk", trace: trace, random: &random)
        return RoomLink(caller, session: "S", dialect: "ws", environment: environment)
    }

    @Test("the room is asked for at once, and the agent with it")
    func joining() throws {
        let link = try link("")
        link.join(delegate: asked)
        #expect(connector.rooms.count == 1 && dispatcher.created.count == 1 && dispatcher.placed == 0)
        #expect(asked.actions == [.connectSound])
        clock.advance(by: .zero)
        #expect(asked.requests == [.connectSound, .brief])
        let room = link.caller.roomName
        #expect(
            link.handle(.joined(room: room, identity: "me")) == [
                .tell(.session(link.introduction)), .life(.roomJoined), .note(.joined), .brief,
            ])
        #expect(link.isJoined && link.summary.identity == "me" && dispatcher.created.count == 1)
        #expect(link.handle(.joined(room: room, identity: "me")).isEmpty)
    }

    @Test("the agent is told of the trace by its dispatch")
    func trace() throws {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let link = try link("", trace: TraceContext(parsing: text))
        link.join(delegate: asked)
        #expect(dispatcher.created.map(\.metadata) == [#"{"traceparent":"\#(text)"}"#])
        #expect(connector.rooms.first?.request.trace?.text == text)
    }

    @Test("in a room that others know the identity is claimed first, and given back when the caller leaves")
    func claiming() throws {
        let claims = Claims()
        let link = try link("room=lobby&identity=ann", policy: claims)
        link.join(delegate: asked)
        #expect(connector.rooms.isEmpty)
        var right: Claims.Right? = Claims.Right()
        weak let held = right
        claims.completion?(.success(right!))
        right = nil
        #expect(connector.rooms.count == 1 && dispatcher.placed == 1 && held != nil)
        link.leave(.goodbye)
        claims.completion = nil
        #expect(connector.rooms[0].departure == .goodbye && held == nil && link.connection == nil)
    }

    @Test("a claim that is refused ends the session; one that is answered too late begins nothing")
    func refusedClaim() throws {
        let refusal = SessionRefusal(ClientError(.duplicateIdentity, "taken"), .duplicateIdentity)
        let claims = Claims()
        let link = try link("room=lobby&identity=ann", policy: claims)
        link.join(delegate: asked)
        claims.completion?(.failure(refusal))
        #expect(asked.actions == [.life(.failed(refusal.error, refusal.reason))])
        link.leave(.withoutGoodbye)
        claims.completion?(.success(Claims.Right()))
        #expect(connector.rooms.isEmpty)
    }

    @Test("how long each dispatch took is told to those who follow the call")
    func dispatchTime() throws {
        let failure = Failure("no permission", blame: .operator)
        dispatcher.failures = [failure]
        let link = try link("")
        link.join(delegate: asked)
        #expect(asked.milestones.isEmpty)
        clock.advance(by: .zero)
        #expect(asked.milestones == [.dispatched(after: .zero, failure)])
        _ = link.handle(.joined(room: link.caller.roomName, identity: "me"))
        clock.advance(by: .zero)
        #expect(asked.milestones.last == .dispatched(after: .zero, nil) && asked.milestones.count == 2)
    }

    @Test("a dispatch that fails in the room is told with who is to blame")
    func failedDispatch() throws {
        let failure = Failure("no permission", blame: .operator)
        dispatcher.failures = [failure, failure]
        let link = try link("")
        link.join(delegate: asked)
        clock.advance(by: .zero)
        _ = link.handle(.joined(room: link.caller.roomName, identity: "me"))
        clock.advance(by: .zero)
        let error = ClientError(.dispatchFailed, "the agent \"clerk\" cannot be dispatched", failure)
        #expect(asked.requests == [.connectSound, .brief, .tell(.error(error)), .brief])
    }

    @Test("messages wait until somebody hears them, and go in their order; beyond 64 they are refused")
    func messages() throws {
        let link = try link("agent=")
        link.join(delegate: asked)
        #expect(link.deliver(.text("a"), isHeard: false).isEmpty)
        _ = link.handle(.joined(room: "r", identity: "me"))
        #expect(link.deliver(.dtmf([.one]), isHeard: false).isEmpty)
        link.deliverWaiting()
        #expect(link.deliver(.text("b"), isHeard: true).isEmpty)
        let room = connector.rooms[0]
        #expect(room.chats == ["a", "b"] && room.digits == [.one])
        _ = link.handle(.interrupted)
        for _ in 0..<64 { #expect(link.deliver(.text("c"), isHeard: true).isEmpty) }
        let refused = link.deliver(.text("d"), isHeard: true)
        guard case .tell(.error(let error))? = refused.first else {
            Issue.record("\(refused) instead of an error")
            return
        }
        #expect(error.code == .undelivered && error.isRetryable)
        _ = link.handle(.resumed)
        link.deliverWaiting()
        #expect(room.chats.count == 66)
    }

    @Test("what the client has changed since the dispatch is told as data, and the instructions also as an attribute")
    func briefing() throws {
        let link = try link("agent=&instructions=Sing")
        link.join(delegate: asked)
        _ = link.handle(.joined(room: "r", identity: "me"))
        #expect(link.brief(isHeard: true).isEmpty)
        let room = connector.rooms[0]
        #expect(room.attributes["instructions"] == "Sing")
        #expect(room.data.map(\.payload) == [Array(#"{"type":"config","instructions":"Sing"}"#.utf8)])
        #expect(link.brief(isHeard: true).isEmpty && room.data.count == 1)
    }

    @Test("agents are asked to stop by data that goes to them alone")
    func interrupting() throws {
        let link = try link("agent=")
        link.join(delegate: asked)
        link.interrupt([])
        link.interrupt(["agent"])
        let sent = connector.rooms[0].data
        #expect(sent.count == 1 && sent[0].topic == "interrupt" && sent[0].destinations == ["agent"])
    }
}
