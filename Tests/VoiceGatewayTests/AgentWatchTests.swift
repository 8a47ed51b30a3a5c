import Testing
import Wire

@testable import VoiceGateway

@Suite("Whether a room's agent listens")
struct AgentWatchTests {
    private func ms(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    private func drain(_ watch: inout AgentWatch) -> [AgentWatch.Output] {
        var outputs: [AgentWatch.Output] = []
        while let output = watch.poll() { outputs.append(output) }
        return outputs
    }

    private func joined() -> AgentWatch {
        var watch = AgentWatch()
        watch.joined(now: .zero)
        return watch
    }

    /// The id of the one question among the outputs.
    private func question(_ outputs: [AgentWatch.Output]) throws -> String {
        try #require(outputs.compactMap { if case .ask(_, let request) = $0 { request } else { nil } }.first)
    }

    @Test("an agent that comes to the caller counts at once and is not asked")
    func newcomer() {
        var watch = joined()
        watch.connected(now: .zero)
        watch.arrived("bot", runsAlready: false, now: ms(500))
        #expect(drain(&watch) == [.introduce(agent: "bot")])
        #expect(watch.nextDeadline == nil)
    }

    @Test("an agent whose caller only changes its connection counts at once and is not asked")
    func replacement() {
        var watch = AgentWatch()
        watch.joined(replacing: true, now: .zero)
        watch.arrived("bot", runsAlready: true, now: .zero)
        watch.connected(now: ms(100))
        #expect(drain(&watch) == [.introduce(agent: "bot")])
        #expect(watch.nextDeadline == nil)
        watch.arrived("later", runsAlready: true, now: ms(200))
        #expect((try? question(drain(&watch))) != nil && !watch.isIntroduced("later"))
    }

    @Test("an agent that was there before the caller counts when it has answered, and is asked some more times")
    func answers() throws {
        var watch = joined()
        watch.arrived("bot", runsAlready: true, now: .zero)
        #expect(drain(&watch) == [] && !watch.isIntroduced("bot"))
        watch.connected(now: ms(200))
        watch.answered(try question(drain(&watch)))
        #expect(drain(&watch) == [.introduce(agent: "bot")])
        for at in [2200, 5200, 10_200] {
            #expect(watch.nextDeadline == ms(at))
            watch.handleTimeout(now: ms(at))
            watch.answered(try question(drain(&watch)))
            #expect(drain(&watch) == [])
        }
        #expect(watch.nextDeadline == nil && watch.isIntroduced("bot"))
    }

    @Test("an agent that does not answer never counts and is replaced")
    func silent() throws {
        var watch = joined()
        watch.connected(now: .zero)
        watch.arrived("bot", runsAlready: true, now: .zero)
        _ = drain(&watch)
        #expect(watch.nextDeadline == ms(5000))
        watch.handleTimeout(now: ms(5000))
        #expect(drain(&watch) == [.replace(agent: "bot", wasIntroduced: false)])
        watch.left("bot", mayReturn: false, reason: "left", now: ms(5100))
        #expect(drain(&watch) == [], "the caller has never heard of it")
        watch.arrived("next", runsAlready: false, now: ms(6000))
        #expect(drain(&watch) == [.introduce(agent: "next")])
    }

    @Test("an agent whose session was just ending when it answered is replaced all the same")
    func ending() throws {
        var watch = joined()
        watch.connected(now: .zero)
        watch.arrived("bot", runsAlready: true, now: .zero)
        watch.answered(try question(drain(&watch)))
        _ = drain(&watch)
        watch.handleTimeout(now: ms(2000))
        _ = drain(&watch)
        watch.handleTimeout(now: ms(7000))
        #expect(drain(&watch) == [.replace(agent: "bot", wasIntroduced: true)])
    }

    @Test("an answer that got lost with the connection is no silence")
    func interrupted() throws {
        var watch = joined()
        watch.connected(now: .zero)
        watch.arrived("bot", runsAlready: true, now: .zero)
        _ = drain(&watch)
        watch.interrupted()
        #expect(watch.nextDeadline == nil)
        watch.connected(now: ms(20_000))
        watch.answered(try question(drain(&watch)))
        #expect(drain(&watch) == [.introduce(agent: "bot")])
    }

    @Test("while no agent is there its dispatch is renewed, ever more rarely")
    func renewal() {
        var watch = joined()
        var times: [Int] = []
        while let deadline = watch.nextDeadline, deadline < ms(600_000) {
            watch.handleTimeout(now: deadline)
            #expect(drain(&watch) == [.renewDispatches])
            times.append(Int((deadline - .zero) / .seconds(1)))
        }
        #expect(times == [13, 39, 91, 195, 315, 435, 555])
    }

    @Test("an agent ends the renewals; one that hangs up is not called back")
    func hangsUp() {
        var watch = joined()
        watch.arrived("bot", runsAlready: false, now: ms(500))
        #expect(watch.nextDeadline == nil)
        watch.left("bot", mayReturn: false, reason: "left", now: ms(9000))
        #expect(drain(&watch) == [.introduce(agent: "bot"), .dismiss(agent: "bot", reason: "left")])
        #expect(watch.nextDeadline == nil)
    }

    @Test("an agent that is back within moments never went")
    func returns() {
        var watch = joined()
        watch.connected(now: .zero)
        watch.arrived("bot", runsAlready: false, now: .zero)
        _ = drain(&watch)
        // Its own connection was made anew, or ours.
        watch.left("bot", mayReturn: true, reason: "replaced", now: ms(1000))
        watch.arrived("bot", runsAlready: true, now: ms(1000))
        #expect(drain(&watch) == [.welcomeBack(agent: "bot")] && watch.isIntroduced("bot"))
        watch.interrupted()
        watch.connected(now: ms(4000))
        watch.left("bot", mayReturn: false, reason: "unknown", now: ms(4100))
        #expect(drain(&watch) == [] && watch.nextDeadline == ms(14_100))
        watch.arrived("bot", runsAlready: true, now: ms(9000))
        #expect(drain(&watch) == [.welcomeBack(agent: "bot")])
        watch.left("bot", mayReturn: false, reason: "left", now: ms(60_000))
        #expect(drain(&watch) == [.dismiss(agent: "bot", reason: "left")])
    }

    @Test("an agent that does not come back has gone")
    func goes() {
        var watch = joined()
        watch.connected(now: .zero)
        watch.arrived("bot", runsAlready: false, now: .zero)
        watch.interrupted()
        watch.left("bot", mayReturn: false, reason: "unknown", now: ms(3000))
        watch.connected(now: ms(3100))
        _ = drain(&watch)
        watch.handleTimeout(now: ms(13_000))
        #expect(drain(&watch) == [.dismiss(agent: "bot", reason: "unknown")])
    }
}
