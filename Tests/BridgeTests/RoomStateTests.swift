import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("What happens in a room, and what the session does about it")
final class RoomStateTests {
    private var state = RoomState(limits: Limits(), now: .zero)
    private var isHeard: Bool { state.isHeard }
    private var deadline: Instant? { state.nextDeadline }

    private func handle(_ event: RoomEvent, at now: Instant = .zero) -> [SessionAction] {
        state.handle(event, lastSpeech: nil, now: now)
    }

    private func agent(_ state: String?) -> RoomMember {
        var attributes: [String: String] = [:]
        attributes["lk.agent.state"] = state
        return RoomMember(identity: "agent", name: "Agent", isAgent: true, attributes: attributes)
    }

    @Test("an agent that listens releases the caller's sound once, when the microphone is there")
    func release() {
        #expect(handle(.joined(room: "r", identity: "me")).isEmpty)
        #expect(
            handle(.participantJoined(agent("listening"))) == [
                .tell(.agentJoined(identity: "agent", name: "Agent")), .life(.agentJoined),
                .sound(.noteAgent(isSpeaking: false)),
                .tell(.agentState(.listening)),
            ])
        #expect(handle(.microphonePublished(track: "TR")) == [.sound(.start)])
        #expect(handle(.microphoneSubscribed) == [.release])
        #expect(handle(.microphoneSubscribed).isEmpty && isHeard)
    }

    @Test("keys that an agent presses are the client's, and those of others are not")
    func keys() {
        _ = handle(.participantJoined(agent("listening")))
        _ = handle(.participantJoined(RoomMember(identity: "guest")))
        #expect(handle(.dtmf(.star, sender: "agent")) == [.activity, .tell(.dtmf(.star))])
        #expect(handle(.dtmf(.star, sender: "guest")).isEmpty)
        #expect(handle(.dtmf(.star, sender: "nobody")).isEmpty)
    }

    @Test("a reply's latency counts from the caller's last speech, unless that has been answered before")
    func replyLatency() {
        func at(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }
        // A greeting.
        #expect(state.milestonesOfReply(lastSpeech: nil, now: at(100)) == [.firstSound])
        #expect(state.milestonesOfReply(lastSpeech: at(900), now: at(1500)) == [.reply(after: .milliseconds(600))])
        // The agent goes on by itself.
        #expect(state.milestonesOfReply(lastSpeech: at(900), now: at(3000)).isEmpty)
    }

    @Test("who speaks first has both: a first sound, and a latency")
    func firstReply() {
        let milestones = state.milestonesOfReply(lastSpeech: .zero, now: .zero + .seconds(2))
        #expect(milestones == [.firstSound, .reply(after: .seconds(2))])
    }

    @Test("when the last agent goes, what the caller says waits for the next one")
    func agentGone() {
        _ = handle(.joined(room: "r", identity: "me"))
        _ = handle(.microphonePublished(track: "TR"))
        _ = handle(.participantJoined(agent("listening")))
        _ = handle(.microphoneSubscribed)
        #expect(
            handle(.participantLeft(identity: "agent", reason: "left")) == [
                .tell(.agentLeft(identity: "agent", reason: "left")), .life(.agentsGone), .sound(.hold),
            ])
        #expect(!isHeard && state.agents.isEmpty)
    }

    @Test("a microphone that is published anew is heard by nobody yet")
    func replacedMicrophone() {
        _ = handle(.microphonePublished(track: "TR_1"))
        #expect(handle(.microphonePublished(track: "TR_1")) == [.sound(.start)])
        #expect(handle(.microphonePublished(track: "TR_2")) == [.sound(.hold), .sound(.start)])
    }

    @Test("without an agent to wait for, the published microphone is enough")
    func noAgent() {
        state.expectsAgent = false
        #expect(handle(.microphonePublished(track: "TR")) == [.sound(.start), .release])
    }

    @Test("an agent without a state hears after its grace, of which the deadline tells")
    func grace() throws {
        _ = handle(.microphonePublished(track: "TR"))
        _ = handle(.participantJoined(agent(nil)))
        _ = handle(.microphoneSubscribed)
        let deadline = try #require(self.deadline)
        #expect(deadline == Instant.zero + Limits().silentAgentGrace)
        #expect(state.handleTimeout(lastSpeech: nil, now: deadline) == [.release])
        var numbers = SessionStatistics()
        state.add(to: &numbers)
        #expect(numbers.heardAfter == 2000 && numbers.joinedAfter == nil)
    }

    @Test("tracks end with their owner")
    func tracks() {
        _ = handle(.participantJoined(RoomMember(identity: "ann")))
        let roles: SoundOrder = .assignRoles(["T": .person])
        #expect(handle(.trackSubscribed(track: "T", participant: "ann")) == [.sound(roles)])
        #expect(handle(.trackMuted(track: "T", isMuted: true)) == [.sound(.muteTrack("T", true))])
        #expect(
            handle(.participantLeft(identity: "ann", reason: "")) == [
                .sound(.removeTrack("T")), .life(.othersPresent(0)),
            ])
    }

    @Test("data of a sender who is not known waits for the introduction; what is LiveKit's own is not passed on")
    func data() {
        let message = ApplicationData(topic: "t", sender: "ann", payload: [1])
        #expect(handle(.data(message)) == [.activity])
        #expect(
            handle(.participantJoined(RoomMember(identity: "ann"))) == [
                .life(.othersPresent(1)), .tell(.data(message)),
            ])
        #expect(handle(.data(message)) == [.activity, .tell(.data(message))])
        #expect(handle(.data(ApplicationData(topic: "lk.x", sender: "ann", payload: [1]))) == [.activity])
    }

    @Test("the connection's troubles become the session's")
    func troubles() {
        let failure = Failure("no", blame: .operator)
        #expect(handle(.failed(failure)) == [.life(.roomFailed(failure))])
        #expect(handle(.ended(.removed)) == [.life(.roomEnded(.removed))])
        let blocked = Failure("UDP: no answer", blame: .operator, isRetryable: true)
        let error = ClientError(
            .mediaUnreachable, "sound does not reach the room: UDP: no answer", blame: .operator, isRetryable: true)
        #expect(handle(.delayed(blocked)) == [.tell(.error(error))])
        #expect(handle(.interrupted) == [.sound(.hold), .tell(.reconnecting)])
        #expect(handle(.resumed) == [.tell(.reconnected)])
    }
}
