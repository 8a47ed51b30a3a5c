import EventLoops
import Observability
import Signalling
import Testing
import Wire

@testable import LiveKitParticipant

@Suite("The data of a participant") struct DataPlaneTests {
    /// Whoever has the data; all of it on the loop.
    // SAFETY: only the loop's thread uses it.
    private final class Owner: DataPlaneOwner, @unchecked Sendable {
        let loop: EventLoop
        let waiter: Waiter
        var view = RoomView()
        private(set) var topics: [Int] = []
        private(set) var data: DataPlane!

        init() throws {
            loop = try EventLoop(name: "data")
            waiter = Waiter(loop)
        }

        func open() { data = DataPlane(loop: loop, ignoredTopics: [], log: .silent, owner: self) }

        func makeIdentifier() -> String { "id" }

        func emit(_ event: ParticipantEvent) {
            guard case .data(let message) = event, let number = Int(message.topic) else { return }
            topics.append(number)
            waiter.check()
        }

        /// As many packets at once, as when a gap in their order is filled.
        func receive(_ packets: Int, bytes: Int = 1) {
            for number in 0..<packets {
                let packet = DataPacket.with {
                    $0.participantIdentity = "agent"
                    $0.value = .user(
                        .with {
                            $0.payload = [UInt8](repeating: 0, count: bytes)
                            $0.topic = "\(number)"
                        })
                }
                data.receive(packet.encoded())
            }
        }
    }

    private func play(_ act: (Owner) async throws -> Void) async throws {
        let owner = try Owner()
        try owner.loop.start()
        try await owner.waiter.onLoop { owner.open() }
        try await act(owner)
        try await owner.waiter.onLoop { owner.data.close() }
        await owner.waiter.end()
    }

    @Test("a burst of packets leaves the loop its time, and arrives whole and in order")
    func burst() async throws {
        try await play { owner in
            let atOnce = try await owner.waiter.onLoop {
                owner.receive(5000)
                return owner.topics.count
            }
            #expect(atOnce == DataPlane.maximumPacketsAtOnce)
            try await owner.waiter.until("all of it", condition: { owner.topics.count == 5000 }, story: { "" })
            #expect(try await owner.waiter.onLoop { owner.topics } == Array(0..<5000))
        }
    }

    @Test("more than may wait is looked at at once, and nothing is lost")
    func flood() async throws {
        try await play { owner in
            let atOnce = try await owner.waiter.onLoop {
                owner.receive(200, bytes: 60_000)
                return owner.topics.count
            }
            let waiting = (200 - atOnce) * 60_000
            #expect(waiting <= DataPlane.maximumBacklogBytes && waiting > DataPlane.maximumBacklogBytes - 120_000)
            try await owner.waiter.until("all of it", condition: { owner.topics.count == 200 }, story: { "" })
            #expect(try await owner.waiter.onLoop { owner.topics } == Array(0..<200))
        }
    }

    @Test("what waits when all is over is not told any more")
    func end() async throws {
        try await play { owner in
            try await owner.waiter.onLoop {
                owner.receive(100)
                owner.data.close()
            }
            for _ in 0..<10 { try await owner.waiter.onLoop {} }
            #expect(try await owner.waiter.onLoop { owner.topics.count } == DataPlane.maximumPacketsAtOnce)
        }
    }
}
