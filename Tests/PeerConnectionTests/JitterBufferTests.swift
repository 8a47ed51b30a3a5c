import PeerConnection
import TestSupport
import Testing
import Wire

/// What a test remembers of the buffer's outputs.
enum Released: Hashable {
    case packet(UInt16)
    case lost(Int, recoverable: Bool)
    case silence(Int)
}

/// A jitter buffer with a sender of 20 ms packets in front of it.
final class JitterBufferHarness {
    let buffer = JitterBuffer()
    var released: [Released] = []

    /// An Opus packet of 20 ms; `redundant` sets the bit that announces in-band FEC.
    func insert(_ sequence: Int, at milliseconds: Int, timestamp: Int? = nil, redundant: Bool = false) {
        let payload: [UInt8] = [0x08, redundant ? 0xC0 : 0x80, 1, UInt8(truncatingIfNeeded: sequence)]
        let packet = AudioPacket(
            sequenceNumber: UInt16(truncatingIfNeeded: sequence),
            timestamp: UInt32(truncatingIfNeeded: timestamp ?? sequence * 960), payload: payload.span.bytes)
        buffer.insert(packet, now: .zero + .milliseconds(milliseconds), sink: take)
    }

    func advance(to milliseconds: Int) {
        buffer.handleTimeout(now: .zero + .milliseconds(milliseconds), sink: take)
    }

    func take(_ output: JitterBufferOutput) {
        switch output {
        case .packet(let packet, let samples):
            #expect(samples == 960)
            #expect(packet.payload.last == UInt8(truncatingIfNeeded: packet.sequenceNumber))
            released.append(.packet(packet.sequenceNumber))
        case .lost(let samples, let recovery): released.append(.lost(samples, recoverable: recovery != nil))
        case .silence(let samples): released.append(.silence(samples))
        }
    }
}

@Suite("Jitter buffer")
struct JitterBufferTests {
    @Test("packets in order are released at once, across the wrap of the numbers")
    func inOrder() {
        let harness = JitterBufferHarness()
        for step in 0..<5 {
            harness.insert(65_533 + step, at: 20 * step)
            #expect(harness.released.count == step + 1)
            #expect(harness.buffer.nextDeadline == nil)
        }
        #expect(harness.released.last == .packet(1))
    }

    @Test("packets that overtook each other are put in order")
    func reordered() {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0)
        harness.insert(3, at: 20)
        harness.insert(4, at: 21)
        #expect(harness.released == [.packet(1)])
        harness.insert(2, at: 22)
        #expect(harness.released == [.packet(1), .packet(2), .packet(3), .packet(4)])
        #expect(harness.buffer.nextDeadline == nil)
        #expect(harness.buffer.statistics.lost == 0)
    }

    @Test("a lost packet is reported when its time is over, then the rest follows")
    func lost() throws {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0)
        harness.insert(3, at: 40, redundant: true)
        let deadline = try #require(harness.buffer.nextDeadline)
        #expect(deadline == .zero + .milliseconds(60))
        harness.advance(to: 59)
        #expect(harness.released == [.packet(1)])
        harness.advance(to: 60)
        #expect(harness.released == [.packet(1), .lost(960, recoverable: true), .packet(3)])
        harness.insert(2, at: 61)
        #expect(harness.released.count == 3)
        #expect(harness.buffer.statistics.late == 1)
    }

    @Test("of several lost packets only the last can be recovered")
    func severalLost() {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0)
        harness.insert(4, at: 60, redundant: true)
        harness.advance(to: 200)
        #expect(
            harness.released == [
                .packet(1), .lost(960, recoverable: false), .lost(960, recoverable: true), .packet(4),
            ])
    }

    @Test("two gaps have a deadline each")
    func twoGaps() {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0)
        harness.insert(3, at: 40)
        harness.insert(5, at: 55)
        harness.advance(to: 60)
        #expect(harness.released == [.packet(1), .lost(960, recoverable: false), .packet(3)])
        harness.advance(to: 74)
        #expect(harness.released.count == 3)
        harness.advance(to: 75)
        #expect(harness.released.suffix(2) == [.lost(960, recoverable: false), .packet(5)])
    }

    @Test("a pause of the sender is silence, not loss")
    func discontinuous() {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0, timestamp: 0)
        harness.insert(2, at: 420, timestamp: 960 + 19_200)
        #expect(harness.released == [.packet(1), .silence(19_200), .packet(2)])
        #expect(harness.buffer.statistics.lost == 0)
    }

    @Test("a loss within a pause is one lost packet and silence")
    func lossInPause() {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0, timestamp: 0)
        harness.insert(3, at: 400, timestamp: 20 * 960)
        harness.advance(to: 600)
        #expect(harness.released == [.packet(1), .silence(18 * 960), .lost(960, recoverable: false), .packet(3)])
    }

    @Test("a long outage is concealed for 120 ms and no longer")
    func outage() {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0)
        harness.insert(51, at: 1000)
        harness.advance(to: 1200)
        let lost = harness.released.reduce(0) { if case .lost(let samples, _) = $1 { $0 + samples } else { $0 } }
        #expect(lost == JitterBuffer.maximumConcealment)
        #expect(harness.released.contains(.silence(49 * 960 - JitterBuffer.maximumConcealment)))
        #expect(harness.released.last == .packet(51))
        #expect(harness.buffer.statistics.lost == 49)
    }

    @Test("a gap wider than the ring is given up at once")
    func wideGap() {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0)
        harness.insert(3, at: 20)
        harness.insert(500, at: 30)
        #expect(harness.released.last == .packet(500))
        #expect(harness.released.contains(.packet(3)))
        harness.insert(501, at: 50)
        #expect(harness.released.last == .packet(501))
    }

    @Test("a source that begins anew is followed at once, in either direction")
    func restart() {
        let harness = JitterBufferHarness()
        harness.insert(10_000, at: 0)
        harness.insert(40_000, at: 20, timestamp: 7)
        harness.insert(40_001, at: 40, timestamp: 967)
        harness.insert(100, at: 60, timestamp: 9_999_999)
        #expect(harness.released == [.packet(10_000), .packet(40_000), .packet(40_001), .packet(100)])
        #expect(harness.buffer.statistics.restarts == 2)
    }

    @Test("a source that begins anew a little behind is followed after a few packets")
    func restartBehind() {
        let harness = JitterBufferHarness()
        harness.insert(1000, at: 0)
        for step in 0..<20 { harness.insert(500 + step, at: 20 + 20 * step) }
        #expect(harness.released.last == .packet(519))
        #expect(harness.buffer.statistics.restarts == 1)
    }

    @Test("duplicates are counted and dropped")
    func duplicates() {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0)
        harness.insert(1, at: 1)
        harness.insert(3, at: 40)
        harness.insert(3, at: 41)
        harness.insert(2, at: 42)
        #expect(harness.released == [.packet(1), .packet(2), .packet(3)])
        #expect(harness.buffer.statistics.late == 1)
        #expect(harness.buffer.statistics.duplicates == 1)
    }

    @Test("the wait follows jitter and round trip within its bounds")
    func holdTime() {
        let buffer = JitterBuffer()
        #expect(buffer.holdTime == JitterBuffer.minimumHold)
        buffer.jitter = .milliseconds(20)
        #expect(buffer.holdTime == .milliseconds(60))
        buffer.retransmissionRoundTrip = .milliseconds(70)
        #expect(buffer.holdTime == .milliseconds(85))
        buffer.retransmissionRoundTrip = .seconds(3)
        #expect(buffer.holdTime == JitterBuffer.maximumHold)
    }

    @Test("a redundant copy fills the gap of its own packet only")
    func redundantCopy() {
        let harness = JitterBufferHarness()
        harness.insert(1, at: 0)
        let payload: [UInt8] = [0x08, 0x80, 1, 2]
        let copy = AudioPacket(sequenceNumber: 2, timestamp: 1920, payload: payload.span.bytes)
        harness.buffer.insertRedundant(copy, now: .zero, sink: harness.take)
        harness.buffer.insertRedundant(copy, now: .zero, sink: harness.take)
        harness.insert(3, at: 40)
        #expect(harness.released == [.packet(1), .packet(2), .packet(3)])
        #expect(harness.buffer.statistics.recovered == 1)
    }

    @Test("over a bad network everything comes in order, once, and the media clock adds up", arguments: 1...20)
    func badNetwork(seed: UInt64) {
        let harness = JitterBufferHarness()
        var random = SplitMix64(seed: seed)
        let here = TransportAddress(ip: .loopbackV4, port: 1)
        let there = TransportAddress(ip: .loopbackV4, port: 2)
        var network = VirtualNetwork(
            seed: seed,
            conditions: .init(loss: 0.1, delay: .milliseconds(30), jitter: .milliseconds(45), duplication: 0.05))
        let start = Int.random(in: 0..<65_536, using: &random)
        let count = 1000
        // The first and the last packet get through, so that all that is between them is accounted for.
        harness.insert(start, at: 0)
        var inserted = 1
        for millisecond in 1...(count * 20 + 500) {
            let now = Instant.zero + .milliseconds(millisecond)
            if millisecond.isMultiple(of: 20), millisecond / 20 < count {
                let step = UInt16(truncatingIfNeeded: millisecond / 20)
                network.send(
                    [UInt8(step >> 8), UInt8(truncatingIfNeeded: step)], from: here, to: there, now: now)
            }
            while let delivery = network.receive(now: now) {
                let step = Int(delivery.bytes[0]) << 8 | Int(delivery.bytes[1])
                harness.insert(start + step, at: millisecond)
                inserted += 1
            }
            harness.advance(to: millisecond)
        }
        harness.insert(start + count, at: count * 20 + 501)
        harness.advance(to: count * 20 + 1000)
        var position = start
        var packets = 0
        for output in harness.released {
            switch output {
            case .packet(let number):
                #expect(number == UInt16(truncatingIfNeeded: position))
                position += 1
                packets += 1
            case .lost(let samples, _):
                #expect(samples == 960)
                position += 1
            case .silence(let samples): position += samples / 960
            }
        }
        #expect(position == start + count + 1)
        let statistics = harness.buffer.statistics
        #expect(statistics.received == inserted + 1)
        #expect(packets + statistics.late + statistics.duplicates == statistics.received)
        #expect(packets + statistics.lost == count + 1)
    }
}
