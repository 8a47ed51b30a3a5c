import NetworkTestSupport
import Testing
import Wire

@testable import EventLoops

@Suite("Background work of a loop", .timeLimit(.minutes(1)))
struct BackgroundWorkTests {
    @Test("work without end leaves timers and what others hand over their share")
    func leavesRoom() async throws {
        try await withLoop { loop in
            let ticks = Expectation<Int>()
            let work = await loop.run {
                var steps = 0
                let work = BackgroundWork(.requests, loop: loop) {
                    steps += 1
                    return true
                }
                work.request()
                var count = 0
                var timer: LoopTimer?
                timer = LoopTimer(loop: loop) {
                    count += 1
                    guard count < 20 else {
                        timer?.cancel()
                        timer = nil
                        return ticks.fulfil(steps)
                    }
                    timer?.arm(after: .milliseconds(1))
                }
                timer?.arm(after: .milliseconds(1))
                return LoopBound(work, on: loop)
            }
            let steps = try await ticks.next()
            #expect(steps > 0)
            await loop.run { work.value.cancel() }
        }
    }

    @Test("those who have work do a step each, however much one of them has")
    func isFair() async throws {
        try await withLoop { loop in
            let done = Expectation<[Int]>()
            let works = await loop.run {
                var order: [Int] = []
                let works = (0..<3).map { number in
                    BackgroundWork(.requests, loop: loop) {
                        if order.count < 9 { order.append(number) } else { done.fulfil(order) }
                        return order.count < 9
                    }
                }
                for work in works {
                    work.request()
                    work.request()
                }
                return LoopBound(works, on: loop)
            }
            let order = try await done.next()
            #expect(order == [0, 1, 2, 0, 1, 2, 0, 1, 2])
            await loop.run { for work in works.value { work.cancel() } }
        }
    }

    @Test("what is cancelled is not done any more, even when it waits in line")
    func cancelled() async throws {
        try await withLoop { loop in
            let done = Expectation<Bool>()
            await loop.run {
                var wasDone = false
                let first = BackgroundWork(.requests, loop: loop) {
                    wasDone = true
                    return false
                }
                first.request()
                first.cancel()
                let second = BackgroundWork(.requests, loop: loop) {
                    done.fulfil(wasDone)
                    return false
                }
                second.request()
            }
            let wasDone = try await done.next()
            #expect(!wasDone)
        }
    }

    @Test("what a step hands over, asks for or arms is done without anything else to wake the loop")
    func followsUp() async throws {
        try await withLoop { loop in
            let done = Expectation<String>()
            let kept = await loop.run {
                let hook = EndOfIteration(loop: loop) { done.fulfil("hook") }
                let timer = LoopTimer(loop: loop) { done.fulfil("timer") }
                let work = BackgroundWork(.requests, loop: loop) {
                    loop.execute { done.fulfil("inbox") }
                    hook.request()
                    timer.arm(after: .zero)
                    return false
                }
                work.request()
                return LoopBound((hook, timer, work), on: loop)
            }
            var all: Set<String> = []
            for _ in 0..<3 { all.insert(try await done.next()) }
            #expect(all == ["hook", "timer", "inbox"])
            await loop.run { kept.value.0.cancel() }
        }
    }

    /// Two owners of requests and one of messages, who never run out of work.
    private static func busy(_ loop: EventLoop, _ log: @escaping (String) -> Void) -> [BackgroundWork] {
        [(BackgroundWork.Kind.messages, "m1"), (.messages, "m2"), (.requests, "r")].map { kind, name in
            BackgroundWork(kind, loop: loop) {
                log(name)
                return true
            }
        }
    }

    @Test("a request is served in each iteration, even one whose share is over before anything is done")
    func progress() async throws {
        try await withLoop { loop in
            let order = await loop.run {
                var order: [String] = []
                let works = Self.busy(loop) { order.append($0) }
                for work in works { work.request() }
                var time = Duration.zero
                for _ in 0..<3 {
                    // A core that another program has between any two looks at the clock.
                    _ = loop.background.run {
                        time += .seconds(1)
                        return time
                    }
                }
                for work in works { work.cancel() }
                return order
            }
            #expect(order == ["r", "m1", "r", "m2", "r", "m1"])
        }
    }

    @Test("work goes on until its share of the thread's time is used up")
    func share() async throws {
        try await withLoop { loop in
            let steps = await loop.run {
                var time = Duration.zero
                let works = Self.busy(loop) { _ in time += .microseconds(100) }
                for work in works { work.request() }
                defer { for work in works { work.cancel() } }
                return loop.background.run { time }
            }
            #expect(steps == 20)
        }
    }
}
