import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("RTCP")
struct RTCPTests {
    static let block = ReportBlock(
        ssrc: 7, fractionLost: 12, cumulativeLost: -3, extendedHighestSequence: 0x0001_0203, jitter: 44,
        lastSenderReport: 0xAABB_CCDD, delaySinceLastSenderReport: 65_536)
    static let compound: [RTCPPacket] = [
        .senderReport(
            SenderReport(
                ssrc: 1, ntpTime: 0x0102_0304_0506_0708, rtpTimestamp: 9, packetCount: 10, octetCount: 11,
                reports: [block])),
        .sourceDescription([MediaSource(ssrc: 1, cname: "name")]),
        .negativeAcknowledgement(sender: 1, source: 7, lost: [65_534, 65_535, 0, 14, 300]),
        .goodbye([1, 2]),
    ]

    private func parse(_ bytes: [UInt8]) throws -> [RTCPPacket] { try RTCPPacket.parse(compound: bytes.span.bytes) }

    @Test("a compound packet is read back as it was written")
    func roundTrip() throws {
        #expect(try parse(RTCPPacket.serialize(Self.compound)) == Self.compound)
        let report: [RTCPPacket] = [.receiverReport(ssrc: 5, reports: [Self.block, Self.block])]
        #expect(try parse(RTCPPacket.serialize(report)) == report)
    }

    @Test("a receiver report of libwebrtc, followed by a transport-wide feedback packet that is skipped")
    func foreign() throws {
        let bytes: [UInt8] = [
            0x81, 0xC9, 0x00, 0x07, 0x00, 0x00, 0x00, 0x01, 0xCA, 0xFE, 0xBA, 0xBE, 0x01, 0x00, 0x00, 0x05, 0x00, 0x00,
            0x12, 0x34, 0x00, 0x00, 0x00, 0x10, 0x11, 0x22, 0x33, 0x44, 0x00, 0x01, 0x00, 0x00, 0x8F, 0xCD, 0x00, 0x03,
            0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 1,
        ]
        guard case .receiverReport(1, let reports) = try #require(try parse(bytes).first) else {
            Issue.record("not a receiver report")
            return
        }
        #expect(reports.first?.cumulativeLost == 5)
        #expect(reports.first?.lastSenderReport == 0x1122_3344)
    }

    @Test("no truncation and no damage traps")
    func truncation() {
        let bytes = RTCPPacket.serialize(Self.compound)
        for length in 0..<bytes.count { _ = try? parse(Array(bytes[..<length])) }
        var random = SplitMix64(seed: 11)
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0..<6 {
                damaged[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            _ = try? parse(damaged)
        }
    }

    @Test("lost packets and the fraction since the last report are counted as RFC 3550 says")
    func losses() throws {
        var statistics = ReceptionStatistics()
        for number in UInt16(0)..<100 where !number.isMultiple(of: 10) || number == 0 {
            statistics.receive(
                sequenceNumber: number &+ 65_500, timestamp: UInt32(number) * 960,
                now: .zero + .milliseconds(20 * Int(number)))
        }
        let made = statistics.makeReportBlock(ssrc: 1, now: .zero)
        let block = try #require(made)
        #expect(block.cumulativeLost == 9)
        #expect(block.fractionLost == UInt8(9 * 256 / 100))
        #expect(block.jitter == 0)
        #expect(block.extendedHighestSequence == 65_500 + 99)
        let again = statistics.makeReportBlock(ssrc: 1, now: .zero)
        #expect(again?.fractionLost == 0)
    }

    @Test("jitter approaches the mean deviation of the arrivals")
    func jitter() {
        var statistics = ReceptionStatistics()
        for number in 0..<500 {
            // Alternately on time and 10 ms late: each transit differs by 480 samples from the one before.
            let late = number.isMultiple(of: 2) ? 0 : 10
            statistics.receive(
                sequenceNumber: UInt16(number), timestamp: UInt32(number) * 960,
                now: .zero + .milliseconds(20 * number + late))
        }
        #expect((470...481).contains(statistics.jitter))
    }

    @Test("a report that answers ours tells the round trip")
    func roundTripTime() throws {
        let sent = Instant.zero + .seconds(5)
        var far = ReceptionStatistics()
        far.receive(sequenceNumber: 1, timestamp: 1, now: sent)
        let report = SenderReport(ssrc: 1, ntpTime: NTPTime.at(sent), rtpTimestamp: 0, packetCount: 1, octetCount: 1)
        far.receive(report, now: sent + .milliseconds(30))
        let made = far.makeReportBlock(ssrc: 1, now: sent + .milliseconds(130))
        let block = try #require(made)
        let measured = try #require(NTPTime.roundTrip(of: block, now: sent + .milliseconds(180)))
        #expect(abs(measured.milliseconds - 80) <= 1)
    }

    @Test("a missing packet is asked for after a grace, again after a round trip, and then given up")
    func requests() throws {
        var generator = NACKGenerator()
        generator.receive(sequenceNumber: 65_535, now: .zero)
        #expect(generator.nextDeadline == nil)
        generator.receive(sequenceNumber: 2, now: .zero)
        #expect(generator.poll(now: .zero, roundTrip: .milliseconds(50)) == [])
        var now = try #require(generator.nextDeadline)
        #expect(generator.poll(now: now, roundTrip: .milliseconds(50)) == [0, 1])
        generator.receive(sequenceNumber: 0, now: now)
        var tries = 1
        while let next = generator.nextDeadline {
            #expect(next - now >= .milliseconds(50))
            now = next
            if !generator.poll(now: now, roundTrip: .milliseconds(50)).isEmpty { tries += 1 }
        }
        #expect(tries == NACKGenerator.maximumTries)
        #expect(generator.count == 0)
    }

    @Test("the list of missing packets stays bounded")
    func bounded() {
        var generator = NACKGenerator()
        var number: UInt16 = 0
        for _ in 0..<1000 {
            generator.receive(sequenceNumber: number, now: .zero)
            number &+= 7
            #expect(generator.count <= NACKGenerator.maximumMissing)
        }
        generator.receive(sequenceNumber: number &+ 20_000, now: .zero)
        #expect(generator.count == 0)
    }

    @Test("a lost packet is sent again, but neither twice within a round trip nor for ever")
    func history() {
        var history = RetransmissionHistory()
        for number in UInt16(0)..<100 {
            let packet = [UInt8(number)]
            history.record(packet.span.bytes, sequenceNumber: number, now: .zero)
        }
        #expect(history.resend(5, now: .zero, holdOff: .milliseconds(20)) == nil)
        #expect(history.resend(99, now: .zero, holdOff: .milliseconds(20)) == [99])
        #expect(history.resend(99, now: .zero, holdOff: .milliseconds(20)) == nil)
        #expect(history.resend(200, now: .zero, holdOff: .milliseconds(20)) == nil)
        var sent = 1
        for step in 1..<20 {
            let now = Instant.zero + .milliseconds(30 * step)
            if history.resend(99, now: now, holdOff: .milliseconds(20)) != nil { sent += 1 }
        }
        #expect(sent == RetransmissionHistory.maximumResends)
    }
}
