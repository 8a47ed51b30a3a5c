import PeerConnection
import TestSupport
import Testing
import Wire

/// What is lost on the way.
extension PeerConnectionTests {
    @Test("over a network that loses a tenth, lost packets are asked for and come again")
    func retransmission() throws {
        let (call, left, right) = try makeCall(
            conditions: .init(loss: 0.1, delay: .milliseconds(15), jitter: .milliseconds(3)), seed: 5)
        for index in 0..<200 {
            left.speak(index, on: 0, now: call.now)
            call.run(for: .milliseconds(20))
        }
        call.run(for: .milliseconds(300))
        #expect(left.connection.statistics.packetsResent > 5)
        #expect(right.connection.statistics.packetsRequested > 5)
        #expect(right.heard.filter { $0 >= 0 }.count >= 190)
        #expect(right.heard.filter { $0 >= 0 } == right.heard.filter { $0 >= 0 }.sorted())
    }

    @Test("without retransmission losses are reported in their place")
    func losses() throws {
        let (call, left, right) = try makeCall(conditions: .init(loss: 0.1), seed: 6) { $0.usesRetransmission = false }
        for index in 0..<200 {
            left.speak(index, on: 0, now: call.now)
            call.run(for: .milliseconds(20))
        }
        call.run(for: .milliseconds(300))
        #expect(left.connection.statistics.packetsResent == 0)
        #expect(right.heard.contains(-1))
        #expect(right.heard.count >= 195)
    }

    @Test("what the peer reports as lost is known to whoever sends, and forgotten when the way is good again")
    func reportedLoss() throws {
        let (call, left, right) = try makeCall(conditions: .init(loss: 0.2), seed: 6) { $0.usesRetransmission = false }
        func speak(_ indices: Range<Int>) {
            for index in indices {
                left.speak(index, on: 0, now: call.now)
                call.run(for: .milliseconds(20))
            }
        }
        #expect(left.connection.reportedLossPercent == 0)
        speak(0..<750)
        #expect((10...35).contains(left.connection.reportedLossPercent))
        // A fifth of 750, found by the one and reported to the other.
        let (found, told) = (right.connection.linkQuality.received, left.connection.linkQuality.sent)
        #expect((110...190).contains(found.lostPackets) && (60...190).contains(told.lostPackets))
        #expect(right.connection.linkQuality.sent == .init())
        call.network.conditions.loss = 0
        speak(750..<4000)
        #expect(left.connection.reportedLossPercent <= 1)
    }

    @Test("redundant audio repairs losses, also for those who do not take it themselves")
    func red() throws {
        let sender = TestPeer(1, port: 5001) { $0.acceptsRED = true }
        let receiver = TestPeer(2, port: 5002) {
            $0.acceptsRED = true; $0.usesRetransmission = false
        }
        let plain = TestPeer(3, port: 5003)
        let plainEnd = TestPeer(4, port: 5004)
        let call = TestCall(sender, receiver, plain, plainEnd)
        _ = sender.connection.addAudioSection(direction: .sendOnly, track: track(sender, "red"))
        try call.negotiate(from: sender, to: receiver)
        _ = plain.connection.addAudioSection(direction: .sendOnly, track: track(plain, "plain"))
        try call.negotiate(from: plain, to: plainEnd)
        call.connect()
        // Every packet carries the frame before it; every third packet is not sent.
        for index in 0..<30 {
            let bytes: [UInt8] = [
                0x80 | 111, 0x0F, 0x00, 0x04, 111, 0x08, 0x80, 1, UInt8(max(index - 1, 0)), 0x08, 0x80, 1, UInt8(index),
            ]
            let packet = ReceivedRTPPacket(
                section: 0, ssrc: 9, sequenceNumber: UInt16(index), timestamp: UInt32(index * 960), marker: false,
                payloadType: 63, format: .red, audioLevel: nil, payload: bytes.span.bytes)
            if index % 3 != 1 {
                let isSent = sender.connection.forward(packet, on: 0, now: call.now)
                let isSentPlain = plain.connection.forward(packet, on: 0, now: call.now)
                #expect(isSent && isSentPlain)
            }
            call.run(for: .milliseconds(20))
        }
        call.run(for: .milliseconds(200))
        #expect(receiver.heard == Array(0..<30))
        #expect(plainEnd.heard == Array(0..<30))
    }

    @Test("sound in order leaves the deadline where it is; a gap moves it")
    func deadlineOfSound() throws {
        let (call, left, right) = try makeCall { $0.usesRetransmission = false }
        // A packet is 10 ms on its way.
        for index in 0..<5 {
            left.speak(index, on: 0, now: call.now)
            call.run(for: .milliseconds(15))
            #expect(right.heard.count == index + 1)
            #expect(!right.connection.movesDeadline)
            call.run(for: .milliseconds(5))
        }
        left.speak(5, on: 0, now: call.now)
        left.outbox = []
        left.speak(6, on: 0, now: call.now)
        call.run(for: .milliseconds(11))
        #expect(right.heard.count == 5)
        #expect(right.connection.movesDeadline)
    }
}
