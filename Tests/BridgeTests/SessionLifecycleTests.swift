import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("The life of a session")
struct SessionLifecycleTests {
    private func ms(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    private let dialect = ClientDialects.all[0].descriptor

    private func drain(_ life: inout SessionLifecycle) -> [SessionLifecycle.Action] {
        var actions: [SessionLifecycle.Action] = []
        while let action = life.poll() { actions.append(action) }
        return actions
    }

    private func joined(expectsAgent: Bool = true, limits: Limits = Limits()) -> SessionLifecycle {
        var life = SessionLifecycle(limits: limits, now: .zero)
        life.agentName = expectsAgent ? "clerk" : ""
        life.handle(.clientSpoke, now: .zero)
        life.handle(.roomJoined, now: .zero)
        _ = drain(&life)
        return life
    }

    @Test("the room is joined as soon as the client says something")
    func speaks() {
        var life = SessionLifecycle(limits: Limits(), now: .zero)
        #expect(drain(&life) == [])
        life.handle(.clientSpoke, now: .zero)
        #expect(drain(&life) == [.join])
        life.handle(.clientSpoke, now: .zero)
        #expect(drain(&life) == [])
    }

    @Test("a client that says nothing is waited for only briefly")
    func silentClient() {
        var life = SessionLifecycle(limits: Limits(), now: .zero)
        #expect(life.nextDeadline == ms(300))
        life.handleTimeout(now: ms(199))
        #expect(drain(&life) == [])
        life.handleTimeout(now: ms(300))
        #expect(drain(&life) == [.join])
        #expect(life.nextDeadline == ms(15_300))
    }

    @Test("a call that moves here takes its caller's place only when what was said elsewhere has arrived")
    func moves() {
        let limits = Limits()
        let claim = SessionClaim(session: "S_1", room: "lobby", identity: "ann", agent: "clerk", isMove: true)
        var life = SessionLifecycle(limits: limits, opening: .init(claim, dialect, limits), now: .zero)
        life.handle(.clientSpoke, now: .zero)
        #expect(drain(&life) == [] && life.nextDeadline == ms(300))
        life.handleTimeout(now: ms(300))
        #expect(drain(&life) == [.join])
    }

    @Test("a call whose gateway is gone goes on at once")
    func goesOn() {
        let limits = Limits()
        let claim = SessionClaim(session: "S_1", room: "lobby", identity: "ann", agent: "clerk")
        var life = SessionLifecycle(limits: limits, opening: .init(claim, dialect, limits), now: .zero)
        #expect(life.nextDeadline == .zero)
        life.handleTimeout(now: .zero)
        #expect(drain(&life) == [.join])
    }

    @Test("a room that does not answer ends the session and says whose fault it is")
    func joinTimeout() {
        var life = SessionLifecycle(limits: Limits(), now: .zero)
        life.handle(.clientSpoke, now: .zero)
        _ = drain(&life)
        life.handleTimeout(now: ms(15_000))
        let actions = drain(&life)
        guard case .tell(.error(let error))? = actions.first else {
            Issue.record("no error")
            return
        }
        #expect(error.code == .roomUnavailable && error.blame == .room && error.isRetryable)
        #expect(actions.suffix(3).first == .leave(.withoutGoodbye))
        #expect(actions.last == .finish && life.phase == .ended && life.nextDeadline == nil)
    }

    @Test("no agent in ten seconds: the client is told and the session goes on, for a minute")
    func agentTimeout() {
        var life = joined()
        #expect(life.nextDeadline == ms(10_000))
        life.handleTimeout(now: ms(10_000))
        #expect(drain(&life) == [.askForAgent])
        life.handle(.absenceExplained(nil), now: ms(10_100))
        let actions = drain(&life)
        guard actions.count == 1, case .tell(.error(let error)) = actions[0] else {
            Issue.record("not exactly one error")
            return
        }
        #expect(error.code == .agentTimeout && error.isRetryable && error.blame == .operator)
        #expect(error.message == "no agent has joined within 10 s: is a worker for \"clerk\" running?")
        #expect(life.phase == .joined)
        life.handleTimeout(now: ms(60_000))
        let last = drain(&life)
        #expect(last.contains { if case .close(.agentTimeout, _) = $0 { true } else { false } })
    }

    @Test("the client is told once why no agent has come, and at the end what is known then")
    func explainedAbsence() throws {
        var life = joined()
        life.handleTimeout(now: ms(10_000))
        _ = drain(&life)
        life.handle(.absenceExplained(Failure("no worker", blame: .operator, isRetryable: true)), now: ms(10_100))
        guard case .tell(.error(let first))? = drain(&life).first else {
            Issue.record("no error")
            return
        }
        #expect(first.message == "no agent has joined within 10 s: no worker" && first.isRetryable)
        #expect(life.nextDeadline == ms(57_000))
        life.handleTimeout(now: ms(57_000))
        #expect(drain(&life) == [.askForAgent])
        life.handle(.absenceExplained(Failure("declined", blame: .operator)), now: ms(57_100))
        #expect(drain(&life).isEmpty && life.nextDeadline == ms(60_000))
        life.handleTimeout(now: ms(60_000))
        let close = SessionLifecycle.Action.close(.agentTimeout, message: "no agent has joined within 60 s: declined")
        #expect(drain(&life).contains(close))
    }

    @Test("an answer that comes after the agent tells nothing")
    func lateExplanation() {
        var life = joined()
        life.handleTimeout(now: ms(10_000))
        _ = drain(&life)
        life.handle(.agentJoined, now: ms(10_050))
        life.handle(.absenceExplained(Failure("no worker", blame: .operator)), now: ms(10_100))
        #expect(drain(&life).isEmpty)
    }

    @Test("an agent that comes late is welcome")
    func lateAgent() {
        var life = joined()
        life.handleTimeout(now: ms(10_000))
        _ = drain(&life)
        life.handle(.agentJoined, now: ms(30_000))
        #expect(life.phase == .agentPresent && life.nextDeadline == nil)
    }

    @Test("people in the room keep a session without an agent")
    func others() {
        var life = joined()
        life.handle(.othersPresent(1), now: .zero)
        life.handleTimeout(now: ms(60_000))
        #expect(drain(&life).count == 1)
        #expect(life.phase == .joined)
        life.handle(.othersPresent(0), now: ms(61_000))
        life.handleTimeout(now: ms(120_000))
        #expect(life.phase == .ended)
    }

    @Test("without an agent to wait for nothing runs out")
    func noAgent() {
        #expect(joined(expectsAgent: false).nextDeadline == nil)
    }

    @Test("an agent that leaves is waited for ten seconds, then the session ends normally")
    func agentLeaves() {
        var life = joined()
        life.handle(.agentJoined, now: ms(100))
        life.handle(.agentsGone, now: ms(1000))
        #expect(life.nextDeadline == ms(11_000))
        life.handleTimeout(now: ms(11_000))
        let actions = drain(&life)
        #expect(actions.contains { if case .close(.agentLeft, _) = $0 { true } else { false } })
        #expect(ClosingReason.agentLeft.closeCode == 1000)
    }

    @Test("another agent takes over")
    func replacement() {
        var life = joined()
        life.handle(.agentJoined, now: ms(100))
        life.handle(.agentsGone, now: ms(1000))
        life.handle(.agentJoined, now: ms(5000))
        #expect(life.phase == .agentPresent && life.nextDeadline == nil)
    }

    @Test(
        "every way to lose the room closes with its code",
        arguments: [
            (RoomEnd.roomDeleted, UInt16(1000)), (.removed, 4403), (.duplicateIdentity, 4409), (.serverShutdown, 1011),
            (.connectionLost, 1011), (.other("x"), 1011),
            (.mediaUnreachable(Failure("UDP: no answer", blame: .operator, isRetryable: true)), 1011),
        ])
    func roomEnds(why: RoomEnd, code: UInt16) {
        var life = joined()
        life.handle(.roomEnded(why), now: .zero)
        let codes = drain(&life).compactMap { if case .close(let reason, _) = $0 { reason.closeCode } else { nil } }
        #expect(codes == [code])
    }

    @Test("shutdown tells the client, leaves the room, then closes")
    func shutdown() {
        var life = joined()
        life.handle(.shutdown, now: .zero)
        let actions = drain(&life)
        guard actions.count == 4, case .tell(.closing(.shutdown, _)) = actions[0],
            actions[1] == .leave(.withoutGoodbye),
            case .close(.shutdown, _) = actions[2], actions[3] == .finish
        else {
            Issue.record("\(actions)")
            return
        }
        #expect(ClosingReason.shutdown.closeCode == 1001)
    }

    @Test("a call that the operator ends is over for the agent, too")
    func operatorEnds() {
        var life = joined()
        life.handle(.endedByOperator, now: .zero)
        let message = "the operator has ended the call"
        #expect(
            drain(&life) == [
                .tell(.closing(reason: .removed, message: message)), .leave(.goodbye),
                .close(.removed, message: message), .finish,
            ])
    }

    @Test("a client that is gone is not spoken to; nothing happens after the end")
    func gone() {
        var life = joined()
        life.handle(.clientGone, now: .zero)
        #expect(drain(&life) == [.leave(.goodbye), .finish])
        life.handle(.shutdown, now: .zero)
        life.handle(.agentJoined, now: .zero)
        life.handle(.roomEnded(.connectionLost), now: .zero)
        #expect(drain(&life) == [])
    }

    @Test(
        "an agent is kept for the caller who may come back, and let go when the conversation is over",
        arguments: [
            (SessionLifecycle.Input.clientLost(mayResume: false), RoomDeparture.withoutGoodbye),
            (.shutdown, .withoutGoodbye),
            (.failed(ClientError(.rateLimited, "too much"), .rateLimited), .withoutGoodbye),
            (.clientGone, .goodbye),
        ])
    func departures(input: SessionLifecycle.Input, expected: RoomDeparture) {
        var life = joined()
        life.handle(input, now: .zero)
        #expect(drain(&life).contains(.leave(expected)))
    }

    @Test("a caller whose connection broke and who never came back has not said goodbye")
    func graceIsOver() {
        var limits = Limits()
        limits.resumeGrace = .seconds(30)
        var life = joined(limits: limits)
        life.handle(.clientLost(mayResume: true), now: .zero)
        #expect(drain(&life) == [])
        life.handleTimeout(now: ms(30_000))
        #expect(drain(&life) == [.leave(.withoutGoodbye), .finish])
    }

    @Test("a caller who was silent for too long is seen off")
    func idleIsGoodbye() {
        var limits = Limits()
        limits.idleTimeout = .seconds(8)
        var life = joined(limits: limits)
        life.handleTimeout(now: ms(8000))
        #expect(drain(&life).contains(.leave(.goodbye)))
    }

    @Test("a client that goes before it said anything never had a room")
    func goneEarly() {
        var life = SessionLifecycle(limits: Limits(), now: .zero)
        life.handle(.clientGone, now: .zero)
        #expect(drain(&life) == [.finish])
    }
}
