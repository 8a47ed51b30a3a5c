import LiveKitParticipant
import Signalling
import Testing
import Wire

@Suite struct ReliableSequenceTests {
    static func packet(_ text: String) -> DataPacket {
        .with { $0.value = .user(.with { $0.payload = Array(text.utf8) }) }
    }

    @Test("packets are numbered from one and sent again from where the server stopped")
    func resending() throws {
        var outbox = ReliableOutbox()
        let bytes = ["a", "b", "c"].map { outbox.append(Self.packet($0), now: .zero) }
        #expect(try bytes.map { try DataPacket(decoding: $0).sequence } == [1, 2, 3])
        #expect(outbox.resend(after: 1) == Array(bytes[1...]))
        #expect(outbox.resend(after: 3).isEmpty)
        #expect(outbox.count == 0)
    }

    @Test("what is kept is bounded in age, number and size")
    func bounds() {
        var outbox = ReliableOutbox()
        _ = outbox.append(Self.packet("old"), now: .zero)
        _ = outbox.append(Self.packet("new"), now: .zero + ReliableOutbox.maximumAge + .seconds(1))
        #expect(outbox.count == 1)
        for _ in 0..<ReliableOutbox.maximumPackets * 2 { _ = outbox.append(Self.packet("x"), now: .zero) }
        #expect(outbox.count == ReliableOutbox.maximumPackets)
        let large = String(repeating: "x", count: 64_000)
        for _ in 0..<100 { _ = outbox.append(Self.packet(large), now: .zero) }
        #expect(outbox.count <= ReliableOutbox.maximumBytes / 64_000)
    }

    @Test("what was seen before is dropped, gaps and lossy packets are not")
    func receiving() {
        var inbox = ReliableInbox()
        func packet(_ sid: String, _ sequence: UInt32) -> DataPacket {
            .with {
                $0.participantSid = sid
                $0.sequence = sequence
            }
        }
        let offered = [("PA_a", 5), ("PA_a", 5), ("PA_a", 4), ("PA_b", 4), ("PA_a", 9), ("PA_a", 0)]
        let taken = offered.map { inbox.accept(packet($0.0, UInt32($0.1)), now: .zero) }
        #expect(taken == [true, false, false, true, true, true])
        #expect(inbox.states(now: .zero).map(\.lastSeq) == [9, 4])
        #expect(inbox.states(now: .zero + .seconds(31)).isEmpty)
    }

    @Test("the senders that are remembered are bounded")
    func senders() {
        var inbox = ReliableInbox()
        for index in 0..<ReliableInbox.maximumSenders + 100 {
            let packet = DataPacket.with {
                $0.participantSid = "PA_\(index)"
                $0.sequence = 1
            }
            let isNew = inbox.accept(packet, now: .zero)
            #expect(isNew)
        }
        #expect(inbox.states(now: .zero).count == ReliableInbox.maximumSenders)
    }
}
