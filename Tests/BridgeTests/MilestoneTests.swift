import Bridge
import ClientProtocol
import Testing
import Wire

@Suite("What those learn who follow a call from outside")
struct MilestoneTests {
    @Test("a room that is lost and found, a client that comes back, and an agent that does not come are told once each")
    func troubles() throws {
        let harness = try Harness(resumeToken: "0.token") { $0.limits.resumeGrace = .seconds(30) }
        var seen: [SessionMilestone] = []
        harness.session.onMilestone = { seen.append($0) }
        harness.room.welcome(agent: nil)
        harness.clock.advance(by: .seconds(20))
        harness.room.emit(.interrupted)
        harness.room.emit(.resumed)
        harness.session.clientLost()
        #expect(harness.session.resume(with: FakeClient(clock: harness.clock)))
        let troubles = seen.filter { [.agentMissing, .roomLost, .roomBack, .clientBack].contains($0) }
        #expect(troubles == [.agentMissing, .roomLost, .roomBack, .clientBack])
        #expect(harness.session.age == harness.clock.now - .zero)
    }

    @Test("a tick says how late it is, and those that were missed are not made up for")
    func lateness() {
        let clock = HandClock()
        var late: [Duration] = []
        let tick = MediaTick(clock: clock, interval: .milliseconds(20)) { late.append($0) }
        let client = TickClient()
        tick.add(client)
        for moment in [65, 80] {
            clock.now = .zero + .milliseconds(moment)
            clock.expire?()
        }
        #expect(late == [.milliseconds(45), .zero] && client.ticks == 2)
    }
}

private final class TickClient: MediaTickClient {
    var ticks = 0

    func mediaTick(now: Instant) { ticks += 1 }
}

/// A clock whose only timer goes off by hand, as late as that is.
private final class HandClock: SessionClock {
    private final class HandTimer: SessionTimer {
        func arm(at instant: Instant) {}
        func cancel() {}
    }

    var now = Instant.zero
    private(set) var expire: (() -> Void)?

    func makeTimer(_ body: @escaping () -> Void) -> any SessionTimer {
        expire = body
        return HandTimer()
    }
}
