import EventLoops
import NetworkTestSupport
import Testing
import Wire

@Suite("Event loop", .timeLimit(.minutes(1)))
struct EventLoopTests {
    @Test("work from other threads runs on the loop, in order")
    func runsInOrder() async throws {
        try await withLoop { loop in
            #expect(!loop.isCurrent)
            let seen = Locked<[Int]>([])
            for number in 0..<1000 {
                loop.execute {
                    #expect(loop.isCurrent)
                    seen.withLock { $0.append(number) }
                }
            }
            await loop.run {}
            #expect(seen.withLock { $0 } == Array(0..<1000))
        }
    }

    @Test("work handed over by many threads at once is run once each")
    func runsEachOnce() async throws {
        try await withLoop { loop in
            let count = Locked(0)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<500 { loop.execute { count.withLock { $0 += 1 } } }
                    }
                }
            }
            await loop.run {}
            #expect(count.withLock { $0 } == 4000)
        }
    }

    @Test("work handed over on the loop itself runs before the loop waits again")
    func runsNestedWork() async throws {
        try await withLoop { loop in
            let done = Expectation<Int>()
            @Sendable func descend(_ depth: Int) {
                if depth == 200 { done.fulfil(depth) } else { loop.execute { descend(depth + 1) } }
            }
            loop.execute { descend(0) }
            let doneValue = try await done.next()
            #expect(doneValue == 200)
        }
    }

    @Test("an iteration is measured with all that it does, and without the time in which the loop waits")
    func measuresIterations() async throws {
        try await withLoop { loop in
            let measured = Locked<[Int64]>([])
            await loop.run { loop.measureIterations { nanoseconds in measured.withLock { $0.append(nanoseconds) } } }
            await loop.run {
                let begin = EventLoop.clock()
                while EventLoop.clock().nanoseconds(since: begin) < 10_000_000 {}
            }
            let rung = Expectation<Void>()
            let timer = await loop.run { LoopBound(LoopTimer(loop: loop) { rung.fulfil(()) }, on: loop) }
            await loop.run { timer.value.arm(at: loop.now + .milliseconds(400)) }
            try await rung.next()
            await loop.run { timer.value.cancel() }
            let iterations = measured.withLock(\.self)
            #expect(iterations.contains { $0 >= 10_000_000 })
            #expect(iterations.allSatisfy { (0..<400_000_000).contains($0) })
        }
    }

    @Test("an actor on a loop runs on its thread, and so do tasks that prefer it")
    func hostsActors() async throws {
        try await withLoop { loop in
            let counter = LoopActor(loop: loop)
            for _ in 0..<10 { await counter.increment() }
            #expect(await counter.count == 10)
            let wasCurrent = await Task<Bool, Never>(executorPreference: loop) { loop.isCurrent }.value
            #expect(wasCurrent)
        }
    }

    @Test("a loop that was never started goes away")
    func neverStarted() throws {
        let loop = try EventLoop(name: "idle")
        loop.execute {}
        #expect(loop.join().isEmpty)
    }

    @Test("a loop can be started once")
    func startsOnce() async throws {
        try await withLoop { loop in
            #expect(throws: EventLoopError.loopStopped) { try loop.start() }
        }
    }

    @Test("what was handed over before the start runs after it")
    func runsEarlyWork() async throws {
        let loop = try EventLoop(name: "early")
        let done = Expectation<Bool>()
        loop.execute { done.fulfil(loop.isCurrent) }
        try loop.start()
        let doneValue = try await done.next()
        #expect(doneValue)
        loop.stop()
        #expect(joined(loop).isEmpty)
    }

    @Test("a handle that nobody closed is named when the loop stops")
    func namesLeftovers() async throws {
        let address = try await withLoop(leftovers: ["UDP socket at 127.0.0.1:0"]) { loop in
            try await loop.run {
                try UDPSocket(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0)).localAddress
            }
        }
        #expect(address.port != 0)
    }

    @Test("latecomers to a stopped loop still run, and can open nothing")
    func servesLatecomers() async throws {
        let loop = try await withLoop { loop in loop }
        for _ in 0..<3 {
            let error = await loop.run { () -> EventLoopError? in
                #expect(loop.isCurrent)
                do throws(EventLoopError) {
                    _ = try UDPSocket(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0))
                    return nil
                } catch {
                    return error
                }
            }
            #expect(error == .loopStopped)
        }
    }

    @Test("the time stands still within a turn and moves on between turns")
    func cachesTime() async throws {
        try await withLoop { loop in
            let first = await loop.run {
                let start = loop.now
                while EventLoop.clock() == start {}
                #expect(loop.now == start)
                return start
            }
            let second = await loop.run { loop.now }
            #expect(second > first)
        }
    }

    @Test("an end-of-turn hook runs once a turn, after the work of the turn")
    func runsHooksOnce() async throws {
        try await withLoop { loop in
            let order = Locked<[String]>([])
            let done = Expectation<Bool>()
            loop.execute {
                let hook = EndOfIteration(loop: loop) {
                    order.withLock { $0.append("hook") }
                    done.fulfil(true)
                }
                hook.request()
                hook.request()
                order.withLock { $0.append("first") }
                loop.execute { order.withLock { $0.append("second") } }
            }
            _ = try await done.next()
            #expect(order.withLock { $0 } == ["first", "second", "hook"])
        }
    }

    @Test("a loop-bound value that is let go elsewhere goes away on its loop")
    func releasesOnLoop() async throws {
        try await withLoop { loop in
            let released = Expectation<Bool>()
            var bound: LoopBound<Canary>? = await loop.run {
                LoopBound(Canary { released.fulfil(loop.isCurrent) }, on: loop)
            }
            #expect(bound != nil)
            bound = nil
            let releasedValue = try await released.next()
            #expect(releasedValue)
        }
    }
}

private final class Canary {
    let onDeinit: () -> Void
    init(onDeinit: @escaping () -> Void) { self.onDeinit = onDeinit }
    deinit { onDeinit() }
}

private actor LoopActor {
    private let loop: EventLoop
    private(set) var count = 0

    init(loop: EventLoop) { self.loop = loop }

    // SAFETY: the memory is used during the call only.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    func increment() {
        #expect(loop.isCurrent)
        count += 1
    }
}
