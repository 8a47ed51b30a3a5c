import Testing
import Wire

@testable import VoiceGateway

@Suite("How a gateway goes")
struct DrainTests {
    private let settings = DrainSettings(notice: .seconds(5), limit: .seconds(60))

    private func at(_ seconds: Int) -> Instant { .zero + .seconds(seconds) }

    private func actions(_ drain: inout Drain) -> [Drain.Action] {
        var actions: [Drain.Action] = []
        while let action = drain.poll() { actions.append(action) }
        return actions
    }

    private func draining(calls: Int) -> Drain {
        var drain = Drain(settings)
        drain.handle(.calls(calls), now: at(0))
        drain.handle(.terminated, now: at(0))
        _ = actions(&drain)
        return drain
    }

    @Test("SIGTERM lets nobody in any more, and calls go on")
    func terminate() {
        var drain = Drain(settings)
        drain.handle(.calls(2), now: at(0))
        drain.handle(.terminated, now: at(0))
        #expect(actions(&drain) == [.refuseCalls])
        #expect(drain.nextDeadline == at(5))
    }

    @Test("the end comes when the last call is over")
    func lastCall() {
        var drain = draining(calls: 2)
        drain.handle(.calls(1), now: at(20))
        #expect(actions(&drain) == [.moveCalls(at(60))])
        drain.handle(.calls(0), now: at(21))
        #expect(actions(&drain) == [.endCalls(.noCalls)])
        drain.handle(.ended, now: at(22))
        #expect(drain.isOver)
    }

    @Test("without a call the gateway still listens for the notice, so that balancers see that it is not ready")
    func notice() {
        var drain = draining(calls: 0)
        #expect(actions(&drain) == [] && drain.nextDeadline == at(5))
        drain.handleTimeout(now: at(4))
        #expect(actions(&drain) == [])
        drain.handleTimeout(now: at(5))
        #expect(actions(&drain) == [.endCalls(.noCalls)])
    }

    @Test("when balancers have noticed, clients are asked once to go on at another gateway")
    func move() {
        var drain = draining(calls: 2)
        drain.handleTimeout(now: at(4))
        #expect(actions(&drain) == [])
        drain.handleTimeout(now: at(5))
        #expect(actions(&drain) == [.moveCalls(at(60))])
        drain.handle(.calls(1), now: at(6))
        #expect(actions(&drain) == [] && drain.nextDeadline == at(60))
    }

    @Test("calls are ended when their time is over")
    func limit() {
        var drain = draining(calls: 1)
        drain.handleTimeout(now: at(59))
        #expect(actions(&drain) == [.moveCalls(at(60))])
        drain.handleTimeout(now: at(60))
        #expect(actions(&drain) == [.endCalls(.timeIsOver)] && drain.nextDeadline == nil)
    }

    @Test(
        "a second signal ends calls at once, a third one the process",
        arguments: [Drain.Input.terminated, .interrupted])
    func impatience(signal: Drain.Input) {
        var drain = draining(calls: 1)
        drain.handle(signal, now: at(1))
        #expect(actions(&drain) == [.endCalls(.demanded)])
        drain.handle(signal, now: at(1))
        #expect(actions(&drain) == [.exit])
    }

    @Test("Ctrl-C waits for nobody")
    func interrupt() {
        var drain = Drain(settings)
        drain.handle(.calls(1), now: at(0))
        drain.handle(.interrupted, now: at(0))
        #expect(actions(&drain) == [.endCalls(.demanded)])
    }

    @Test("where calls are given no time, SIGTERM ends them at once")
    func noTime() {
        var drain = Drain(DrainSettings(notice: .seconds(5), limit: .zero))
        drain.handle(.calls(1), now: at(0))
        drain.handle(.terminated, now: at(0))
        #expect(actions(&drain) == [.endCalls(.demanded)])
    }
}
