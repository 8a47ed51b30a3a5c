import PeerConnection
import Testing

@Suite("An offer that is out")
struct OutstandingOfferTests {
    @Test("a section that is added before the answer comes waits for the next offer")
    func sectionAddedMeanwhile() throws {
        let left = TestPeer(1, port: 5001)
        let right = TestPeer(2, port: 5002)
        let call = TestCall(left, right)
        #expect(left.connection.addAudioSection(direction: .receiveOnly) == 0)
        try right.connection.acceptOffer(try left.connection.createOffer(now: call.now), now: call.now)
        #expect(left.connection.addAudioSection(direction: .receiveOnly) == 1)
        try left.connection.acceptAnswer(try right.connection.createAnswer(now: call.now), now: call.now)
        try call.negotiate(from: left, to: right)
        #expect(right.connection.sections.count == 2)
        call.connect()
        #expect(left.connection.state == .connected)
    }
}
