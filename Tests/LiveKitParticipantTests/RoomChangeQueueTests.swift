import EventLoops
import Signalling
import Testing

@testable import LiveKitParticipant

@Suite("Changes of a room") struct RoomChangeQueueTests {
    /// Whoever wants to know; all of it on the loop.
    private final class Owner: @unchecked Sendable {
        let loop: EventLoop
        let waiter: Waiter
        private(set) var told: [Int] = []
        private(set) var queue: RoomChangeQueue!

        init() throws {
            loop = try EventLoop(name: "changes")
            waiter = Waiter(loop)
        }

        func open() {
            queue = RoomChangeQueue(loop: loop) { [unowned self] changes in
                for case .roomMetadataChanged(let text) in changes { told.append(Int(text) ?? -1) }
                waiter.check()
            }
        }

        func append(_ numbers: Range<Int>) { queue.append(numbers.map { .roomMetadataChanged("\($0)") }) }
    }

    private func play(_ act: (Owner) async throws -> Void) async throws {
        let owner = try Owner()
        try owner.loop.start()
        try await owner.waiter.onLoop { owner.open() }
        try await act(owner)
        try await owner.waiter.onLoop { owner.queue.cancel() }
        await owner.waiter.end()
    }

    @Test("a few are told at once")
    func few() async throws {
        try await play { owner in
            let told = try await owner.waiter.onLoop {
                owner.append(0..<RoomChangeQueue.changesInStep)
                return owner.told
            }
            #expect(told == Array(0..<RoomChangeQueue.changesInStep))
        }
    }

    @Test("ten thousand people who come with one message leave the loop its time, and others wait behind")
    func many() async throws {
        try await play { owner in
            let atOnce = try await owner.waiter.onLoop {
                owner.append(0..<10_000)
                owner.append(10_000..<10_001)
                return owner.told.count
            }
            #expect(atOnce == 0)
            try await owner.waiter.until("all of them", condition: { owner.told.count == 10_001 }, story: { "" })
            #expect(try await owner.waiter.onLoop { owner.told } == Array(0..<10_001))
        }
    }

    @Test("more than may wait are told at once, and none is lost")
    func flood() async throws {
        let count = RoomChangeQueue.maximumWaitingChanges + 1000
        try await play { owner in
            let atOnce = try await owner.waiter.onLoop {
                owner.append(0..<count)
                return owner.told.count
            }
            #expect(atOnce >= 1000)
            try await owner.waiter.until("all of them", condition: { owner.told.count == count }, story: { "" })
            #expect(try await owner.waiter.onLoop { owner.told } == Array(0..<count))
        }
    }

    @Test("what waits when all is over is not told any more")
    func end() async throws {
        try await play { owner in
            try await owner.waiter.onLoop {
                owner.append(0..<1000)
                owner.queue.cancel()
            }
            for _ in 0..<10 { try await owner.waiter.onLoop {} }
            #expect(try await owner.waiter.onLoop { owner.told } == [])
        }
    }
}
