import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("The dispatch of the agent and what it has been told")
struct DispatchStateTests {
    private let failure = Failure("no permission", blame: .operator)

    @Test("the agent is dispatched once")
    func once() {
        var dispatch = DispatchState()
        #expect(dispatch.begin() == true)
        #expect(dispatch.begin() == false)
        #expect(dispatch.finish(.success(()), briefing: AgentBriefing(), isInRoom: true) == nil)
        #expect(dispatch.begin() == false)
    }

    @Test("a failure before the room is joined leads to a second attempt, of which a failure is final")
    func early() {
        var dispatch = DispatchState()
        _ = dispatch.begin()
        #expect(dispatch.finish(.failure(failure), briefing: AgentBriefing(), isInRoom: false) == nil)
        #expect(dispatch.begin() == true)
        #expect(dispatch.finish(.failure(failure), briefing: AgentBriefing(), isInRoom: true) == failure)
        #expect(dispatch.begin() == false)
    }

    @Test("while the dispatch is on its way nothing is told, afterwards what it did not say, once")
    func updates() throws {
        var dispatch = DispatchState()
        let wanted = AgentBriefing(instructions: "Sing", fields: ["language": "de"])
        _ = dispatch.begin()
        #expect(dispatch.update(to: wanted, hasDispatch: true) == nil)
        _ = dispatch.finish(
            .success(()), briefing: AgentBriefing(instructions: "Sing"), isInRoom: true)
        let told = dispatch.update(to: wanted, hasDispatch: true)
        let update = try #require(told)
        #expect(update.instructions == nil)
        #expect(update.message == ["type": "config", "language": "de"])
        #expect(dispatch.update(to: wanted, hasDispatch: true) == nil)
    }

    @Test("an agent that others have brought is told everything, as soon as it may be told")
    func noDispatch() throws {
        var dispatch = DispatchState()
        #expect(dispatch.update(to: AgentBriefing(), hasDispatch: false) == nil)
        let told = dispatch.update(to: AgentBriefing(instructions: "Sing"), hasDispatch: false)
        let update = try #require(told)
        #expect(update.instructions == "Sing" && update.message["instructions"] == "Sing")
    }
}
