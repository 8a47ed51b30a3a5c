import ClientProtocol
import Testing

@testable import Bridge

@Suite("Who else is in the room")
struct RosterTests {
    private func agent(_ identity: String, state: String? = nil, attributes: [String: String] = [:]) -> RoomMember {
        var attributes = attributes
        attributes["lk.agent.state"] = state
        return RoomMember(identity: identity, name: "Agent", isAgent: true, attributes: attributes)
    }

    @Test("the first agent's state is told with its coming, the second agent's is not")
    func states() {
        var roster = Roster()
        #expect(
            roster.update(agent("a", state: "listening")) == [
                .agentJoined(identity: "a", name: "Agent"), .state(.listening),
            ])
        #expect(roster.update(agent("b", state: "speaking")) == [.agentJoined(identity: "b", name: "Agent")])
        #expect(roster.update(agent("a", state: "thinking")) == [.state(.thinking)])
        #expect(roster.update(agent("b", state: "thinking")).isEmpty)
        #expect(roster.agents == ["a", "b"])
    }

    @Test("a name or an attribute that is nobody's affair changes nothing")
    func otherAttributes() {
        var roster = Roster()
        _ = roster.update(agent("a", state: "idle"))
        #expect(roster.update(agent("a", state: "idle", attributes: ["colour": "red"])).isEmpty)
        #expect(roster.update(agent("a", state: "humming")).isEmpty)
    }

    @Test("when the first agent leaves, the next one's state counts")
    func succession() {
        var roster = Roster()
        _ = roster.update(agent("a"))
        _ = roster.update(agent("b", state: "idle"))
        #expect(
            roster.remove("a", reason: "r") == [
                .agentLeft(identity: "a", reason: "r"), .firstAgentLeft, .state(.idle),
            ])
        #expect(
            roster.remove("b", reason: "") == [.agentLeft(identity: "b", reason: ""), .firstAgentLeft, .noAgentLeft])
        #expect(roster.remove("b", reason: "").isEmpty)
    }

    @Test("the face of an agent is no agent, and one that stops being a face is")
    func faces() {
        var roster = Roster()
        let face = agent("face", attributes: ["lk.publish_on_behalf": "a"])
        #expect(roster.update(face) == [.othersPresent(0)])
        #expect(roster.update(agent("face")) == [.agentJoined(identity: "face", name: "Agent")])
        #expect(roster.update(face).isEmpty && roster.update(agent("face")).isEmpty)
        #expect(roster.agents == ["face"])
    }

    @Test("people are counted, agents are not")
    func people() {
        var roster = Roster()
        #expect(!roster.hasPeople)
        #expect(roster.update(RoomMember(identity: "p")) == [.othersPresent(1)])
        _ = roster.update(agent("a"))
        #expect(roster.update(RoomMember(identity: "p", name: "new")).isEmpty)
        #expect(roster.update(RoomMember(identity: "q")) == [.othersPresent(2)])
        #expect(roster.remove("p", reason: "") == [.othersPresent(1)] && roster.hasPeople)
        #expect(roster["q"]?.identity == "q" && roster["p"] == nil)
    }

    @Test("a participant's tracks end with it, those that have ended before do not end again")
    func tracks() {
        var roster = Roster()
        _ = roster.update(RoomMember(identity: "p"))
        for track in ["TR_1", "TR_2", "TR_3"] { roster.add(track: track, of: "p") }
        roster.add(track: "TR_3", of: "q")
        roster.remove(track: "TR_1")
        #expect(roster.remove("p", reason: "") == [.trackEnded("TR_2"), .othersPresent(0)])
    }

    @Test("an agent of a framework is starting until it shows a state or has a track")
    func starting() {
        var roster = Roster()
        #expect(!roster.isAgentStarting)
        _ = roster.update(agent("a", attributes: ["lk.agent.name": "clerk"]))
        #expect(roster.isAgentStarting)
        roster.add(track: "TR", of: "a")
        #expect(!roster.isAgentStarting)
        roster.remove(track: "TR")
        _ = roster.update(agent("a", state: "initializing", attributes: ["lk.agent.name": "clerk"]))
        #expect(!roster.isAgentStarting)
        var custom = Roster()
        _ = custom.update(agent("a", attributes: ["colour": "red"]))
        #expect(!custom.isAgentStarting)
    }

    private func role(_ track: String, in roster: Roster, isHeard: Bool = true) -> SoundRole? {
        roster.soundRoles(isHeard: isHeard)[track]
    }

    @Test("the voice of an agent comes from its microphone; what else it plays is ambience")
    func voices() {
        var roster = Roster()
        _ = roster.update(agent("a"))
        _ = roster.update(RoomMember(identity: "p"))
        roster.add(track: "music", of: "a", source: .unspecified)
        roster.add(track: "noise", of: "a", source: .background)
        roster.add(track: "person", of: "p")
        // A custom agent may say nothing of its only voice.
        #expect(role("music", in: roster) == .voice && role("noise", in: roster) == .ambience)
        roster.add(track: "voice", of: "a")
        #expect(role("music", in: roster) == .ambience && role("voice", in: roster) == .voice)
        #expect(role("person", in: roster) == .person)
        _ = roster.update(agent("face", attributes: ["lk.publish_on_behalf": "a"]))
        roster.add(track: "face", of: "face")
        #expect(role("face", in: roster) == .voice)
    }

    @Test("people are the voice where no agent is, once they hear the caller")
    func peoplesVoices() {
        var roster = Roster()
        _ = roster.update(RoomMember(identity: "p"))
        roster.add(track: "person", of: "p")
        #expect(role("person", in: roster, isHeard: false) == .person && role("person", in: roster) == .voice)
        _ = roster.update(agent("a"))
        #expect(role("person", in: roster) == .person)
        _ = roster.remove("a", reason: "")
        #expect(role("person", in: roster) == .voice)
    }

    @Test("a crowd is counted as it comes, not anew for each newcomer")
    func crowd() {
        var roster = Roster()
        for number in 0..<20_000 { _ = roster.update(RoomMember(identity: "p\(number)")) }
        #expect(roster.update(RoomMember(identity: "last")) == [.othersPresent(20_001)])
    }
}
