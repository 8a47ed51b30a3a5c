import EventLoops
import Testing

@Suite("Threads that do a thing again and again")
struct PeriodicThreadTests {
    @Test("each step goes on from what the last has left")
    func steps() async throws {
        let third = Expectation<Int>()
        let thread = try PeriodicThread(name: "steps", interval: .milliseconds(1), state: 0) { count in
            count += 1
            if count == 3 { third.fulfil(count) }
        }
        #expect(try await third.next() == 3)
        thread.stop()
    }

    @Test("who stops one does not wait for its next step")
    func stop() throws {
        let steps = Locked(0)
        let thread = try PeriodicThread(name: "idle", interval: .seconds(86_400), state: ()) { _ in
            steps.withLock { $0 += 1 }
        }
        thread.stop()
        #expect(steps.withLock { $0 } == 0)
    }
}
