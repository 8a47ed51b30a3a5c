import EventLoops
import NetworkTestSupport
import Testing
import Wire

@Suite("Timers", .timeLimit(.minutes(1)))
struct LoopTimerTests {
    @Test("timers go off in the order of their deadlines, equal ones in the order of arming, and never early")
    func ordered() async throws {
        try await withLoop { loop in
            let seen = Locked<[Int]>([])
            let done = Expectation<Bool>()
            loop.execute {
                let base = loop.now
                let offsets = [7, 3, 9, 3, 1, 8, 2, 3]
                let timers = Locked<[LoopTimer]>([])
                var armed: [LoopTimer] = []
                for (index, offset) in offsets.enumerated() {
                    let deadline = base + .milliseconds(offset)
                    let timer = LoopTimer(loop: loop) {
                        #expect(EventLoop.clock() >= deadline)
                        seen.withLock { $0.append(index) }
                        if seen.withLock({ $0.count }) == offsets.count {
                            timers.withLock { $0 = [] }
                            done.fulfil(true)
                        }
                    }
                    timer.arm(at: deadline)
                    armed.append(timer)
                }
                timers.withLock { $0 = armed }
            }
            _ = try await done.next()
            #expect(seen.withLock { $0 } == [4, 6, 1, 3, 7, 0, 5, 2])
        }
    }

    @Test("a cancelled timer, and one that was let go, stay silent")
    func cancelled() async throws {
        try await withLoop { loop in
            let fired = Locked<[String]>([])
            let done = Expectation<Bool>()
            loop.execute {
                let cancelled = LoopTimer(loop: loop) { fired.withLock { $0.append("cancelled") } }
                cancelled.arm(after: .milliseconds(1))
                cancelled.cancel()
                #expect(!cancelled.isArmed)
                var dropped: LoopTimer? = LoopTimer(loop: loop) { fired.withLock { $0.append("dropped") } }
                dropped?.arm(after: .milliseconds(1))
                dropped = nil
                let last = Locked<LoopTimer?>(nil)
                let timer = LoopTimer(loop: loop) {
                    withExtendedLifetime(cancelled) {}
                    last.withLock { $0 = nil }
                    done.fulfil(true)
                }
                timer.arm(after: .milliseconds(3))
                last.withLock { $0 = timer }
            }
            _ = try await done.next()
            #expect(fired.withLock { $0 }.isEmpty)
        }
    }

    @Test("a timer can be moved both ways")
    func moved() async throws {
        try await withLoop { loop in
            let order = Locked<[String]>([])
            let done = Expectation<Bool>()
            let kept = await loop.run {
                let sooner = LoopTimer(loop: loop) { order.withLock { $0.append("sooner") } }
                let later = LoopTimer(loop: loop) {
                    order.withLock { $0.append("later") }
                    done.fulfil(true)
                }
                later.arm(after: .milliseconds(1))
                sooner.arm(after: .seconds(3600))
                later.arm(after: .milliseconds(4))
                sooner.arm(after: .milliseconds(2))
                return LoopBound([sooner, later], on: loop)
            }
            _ = try await done.next()
            withExtendedLifetime(kept) {}
            #expect(order.withLock { $0 } == ["sooner", "later"])
        }
    }

    @Test("a tick that counts from its deadlines does not drift")
    func ticks() async throws {
        try await withLoop { loop in
            let deadlines = Locked<[Instant]>([])
            let done = Expectation<Bool>()
            let tick = await loop.run { LoopBound(Ticker(loop: loop, deadlines: deadlines, done: done), on: loop) }
            _ = try await done.next()
            withExtendedLifetime(tick) {}
            let all = deadlines.withLock { $0 }
            #expect(all.count == 10)
            for (earlier, later) in zip(all, all.dropFirst()) {
                #expect(later - earlier == .microseconds(1500))
            }
        }
    }

    @Test("a timer that is always due leaves room for others")
    func alwaysDue() async throws {
        try await withLoop { loop in
            let spinner = await loop.run { LoopBound(Spinner(loop: loop), on: loop) }
            for _ in 0..<10 { await loop.run {} }
            await loop.run { spinner.value.timer.cancel() }
        }
    }
}

private final class Ticker {
    private(set) var timer: LoopTimer! = nil

    init(loop: EventLoop, deadlines: Locked<[Instant]>, done: Expectation<Bool>) {
        var expected = loop.now + .microseconds(1500)
        timer = LoopTimer(loop: loop) { [unowned self] in
            deadlines.withLock { $0.append(expected) }
            guard deadlines.withLock({ $0.count }) < 10 else { return done.fulfil(true) }
            timer.advance(by: .microseconds(1500))
            expected = timer.deadline ?? .zero
        }
        timer.arm(at: expected)
    }
}

private final class Spinner {
    private(set) var timer: LoopTimer! = nil

    init(loop: EventLoop) {
        timer = LoopTimer(loop: loop) { [unowned self] in timer.arm(at: .zero) }
        timer.arm(at: .zero)
    }
}
