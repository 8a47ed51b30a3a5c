import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("When the caller is heard")
struct HearingTests {
    private func ms(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    private func listening(_ state: AgentState? = .listening) -> Hearing.Audience {
        Hearing.Audience(hasAgent: true, agentState: state)
    }

    private func published() -> Hearing {
        var hearing = Hearing(limits: Limits())
        hearing.noteJoined(now: .zero)
        #expect(hearing.notePublished("TR_1") == .first)
        return hearing
    }

    @Test("an agent hears when it has subscribed and its session runs, whichever comes first")
    func bothSigns() {
        var hearing = published()
        #expect(hearing.update(listening(.initializing), now: ms(10)) == false)
        hearing.noteSubscribed()
        #expect(!hearing.update(listening(.initializing), now: ms(20)) && hearing.nextDeadline == nil)
        #expect(hearing.update(listening(), now: ms(30)) == true)
        #expect(hearing.isHeard && hearing.firstHeard == ms(30))
        #expect(hearing.update(listening(), now: ms(40)) == false)
    }

    @Test("nobody hears a track that is not published yet")
    func unpublished() {
        var hearing = Hearing(limits: Limits())
        hearing.noteSubscribed()
        #expect(hearing.update(listening(), now: ms(10)) == false)
    }

    @Test("one sign is enough after a moment, which begins anew with an agent that still starts")
    func oneSign() throws {
        var hearing = published()
        hearing.noteSubscribed()
        #expect(hearing.update(listening(nil), now: ms(100)) == false)
        let deadline = try #require(hearing.nextDeadline)
        #expect(deadline == ms(100) + Limits().silentAgentGrace)
        #expect(!hearing.update(listening(.initializing), now: ms(200)) && hearing.nextDeadline == nil)
        #expect(hearing.update(listening(nil), now: ms(300)) == false)
        #expect(hearing.update(listening(nil), now: deadline) == false)
        #expect(hearing.update(listening(nil), now: deadline + .milliseconds(200)) == true)
        #expect(hearing.nextDeadline == nil)
    }

    @Test("an agent whose session begins later than it joins is waited for, up to twenty seconds")
    func startingAgent() {
        var hearing = published()
        hearing.noteSubscribed()
        let starting = Hearing.Audience(hasAgent: true, isAgentStarting: true)
        #expect(hearing.update(starting, now: ms(100)) == false)
        #expect(hearing.nextDeadline == ms(20_100))
        #expect(hearing.update(starting, now: ms(15_000)) == false)
        var other = hearing
        #expect(hearing.update(listening(), now: ms(15_000)) == true)
        // It shows by its track, if by nothing else, that it runs.
        #expect(other.update(listening(nil), now: ms(15_000)) == true)
    }

    @Test("without an agent to wait for the sound goes as soon as there is a track")
    func noAgentExpected() {
        var hearing = published()
        #expect(hearing.update(Hearing.Audience(expectsAgent: false), now: ms(10)) == true)
    }

    @Test("people hear the caller when no agent has come in time")
    func people() {
        var hearing = published()
        let people = Hearing.Audience(hasPeople: true)
        #expect(hearing.update(people, now: ms(9999)) == false)
        #expect(hearing.update(Hearing.Audience(), now: ms(10_000)) == false)
        #expect(hearing.update(people, now: ms(10_000)) == true)
    }

    @Test("the next agent, and the next track, have to be waited for anew; the first time stays")
    func again() {
        var hearing = published()
        hearing.noteSubscribed()
        _ = hearing.update(listening(), now: ms(10))
        hearing.noteAgentsGone()
        #expect(!hearing.isHeard && !hearing.update(listening(nil), now: ms(20)))
        hearing.noteSubscribed()
        #expect(hearing.update(listening(), now: ms(30)) == true)
        #expect(hearing.notePublished("TR_1") == .again && hearing.isHeard)
        #expect(hearing.notePublished("TR_2") == .replaced && !hearing.isHeard)
        #expect(hearing.firstHeard == ms(10))
    }
}
