import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("What is said and whose turn it is")
struct ConversationPartTests {
    private func ms(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    private func conversation() -> Conversation {
        var conversation = Conversation(limits: Limits())
        conversation.setCaller(identity: "caller")
        return conversation
    }

    private func agent(_ attributes: [String: String] = [:]) -> RoomMember {
        RoomMember(identity: "agent", isAgent: true, attributes: attributes)
    }

    private func data(_ text: String) -> ApplicationData {
        ApplicationData(topic: "t", sender: "agent", payload: Array(text.utf8))
    }

    @Test("an agent's JSON goes as it is, other data and that of people as data")
    func verbatim() {
        var conversation = conversation()
        let json = data(#"{"x" : 1}"#)
        #expect(
            conversation.receive(json, from: agent(), lastSpeech: nil, now: .zero)
                == [.tell(.verbatim(#"{"x" : 1}"#, json))])
        let person = RoomMember(identity: "agent")
        #expect(conversation.receive(json, from: person, lastSpeech: nil, now: .zero) == [.tell(.data(json))])
        #expect(conversation.receive(json, from: nil, lastSpeech: nil, now: .zero) == [.tell(.data(json))])
        let text = data("hello")
        #expect(conversation.receive(text, from: agent(), lastSpeech: nil, now: .zero) == [.tell(.data(text))])
    }

    @Test("a state in JSON counts for agents that show none by their attribute")
    func stateInJSON() {
        var conversation = conversation()
        let thinking = data(#"{"type":"agent.state","state":"thinking"}"#)
        let shows = agent(["lk.agent.state": "listening"])
        #expect(conversation.receive(thinking, from: shows, lastSpeech: nil, now: .zero).count == 1)
        #expect(conversation.agentState == nil)
        #expect(conversation.receive(thinking, from: agent(), lastSpeech: nil, now: .zero).last == .state(.thinking))
        #expect(conversation.agentState == .thinking)
        #expect(conversation.receive(thinking, from: agent(), lastSpeech: nil, now: .zero).count == 1)
    }

    @Test("an agent's word that it was interrupted drops sound, and is not told twice")
    func interruptedByMessage() {
        var conversation = conversation()
        let json = data(#"{"type":"interrupted"}"#)
        let actions = conversation.receive(json, from: agent(), lastSpeech: nil, now: .zero)
        #expect(actions == [.tell(.verbatim(#"{"type":"interrupted"}"#, json)), .discardSound])
    }

    @Test("who speaks over the agent interrupts it, by sound or by a transcript of the caller")
    func interruption() {
        var conversation = conversation()
        _ = conversation.change(to: .speaking, lastSpeech: nil, now: ms(0))
        #expect(
            conversation.change(to: .listening, lastSpeech: ms(900), now: ms(1000)) == [
                .state(.listening), .interrupted,
            ])
        _ = conversation.change(to: .speaking, lastSpeech: nil, now: ms(5000))
        #expect(conversation.change(to: .listening, lastSpeech: ms(900), now: ms(6000)) == [.state(.listening)])
        _ = conversation.change(to: .speaking, lastSpeech: nil, now: ms(7000))
        let spoken = SpokenText(participant: "caller", segmentID: "s", text: "stop", isFinal: true)
        #expect(conversation.take(spoken, isAgent: false, now: ms(7500))?.role == .user)
        #expect(
            conversation.change(to: .listening, lastSpeech: nil, now: ms(8000)) == [.state(.listening), .interrupted])
    }

    @Test("the reply ends when the agent is quiet and no longer at work; then comes the next turn")
    func reply() {
        var conversation = conversation()
        conversation.endTurn()
        _ = conversation.change(to: .speaking, lastSpeech: nil, now: ms(0))
        #expect(conversation.noteSound() == true)
        #expect(conversation.noteSound() == false)
        #expect(conversation.endReplyIfFinished(isAudible: true, now: ms(100)) == false)
        let spoken = SpokenText(participant: "agent", segmentID: "s", text: "Hi", isFinal: true)
        #expect(conversation.take(spoken, isAgent: true, now: ms(150))?.role == .assistant)
        _ = conversation.change(to: .listening, lastSpeech: nil, now: ms(200))
        #expect(conversation.endReplyIfFinished(isAudible: false, now: ms(300)) == true)
        #expect(conversation.isNextTurn(isAudible: false, now: ms(300)) == true)
        #expect(conversation.isNextTurn(isAudible: false, now: ms(320)) == false)
        #expect(conversation.noteSound() == true)
    }

    @Test("an agent that thinks about something new has finished the reply that was heard")
    func newReply() {
        var conversation = conversation()
        _ = conversation.change(to: .speaking, lastSpeech: nil, now: ms(0))
        _ = conversation.endReplyIfFinished(isAudible: true, now: ms(100))
        _ = conversation.change(to: .listening, lastSpeech: ms(190), now: ms(200))
        #expect(conversation.change(to: .thinking, lastSpeech: nil, now: ms(300)) == [.finishReply, .state(.thinking)])
    }
}
