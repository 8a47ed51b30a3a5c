internal import Wire

/// The sending end of one source: numbers its packets, counts them for reports, and keeps the last ones.
final class RTPSender {
    let ssrc: UInt32
    /// The number of the next packet.
    private(set) var nextSequence: UInt16
    /// Added to the caller's clock, so that timestamps start at random (RFC 3550 section 5.1).
    private let timestampOffset: UInt32
    /// Where the media clock stands behind the last packet.
    private var expectedTimestamp: UInt32?
    /// Timestamp and time of the newest packet, for sender reports and for joining sources.
    private(set) var last: (timestamp: UInt32, sent: Instant)?
    private(set) var packetCount: UInt32 = 0
    /// Payload bytes.
    private(set) var octetCount: UInt32 = 0
    var history: RetransmissionHistory?
    /// How much of it the peer does not get.
    var loss = LossEstimate()
    /// What its last report says.
    private(set) var reported = LinkQuality.Way()
    /// Redundant audio (RFC 2198).
    private var packetizer = REDPacketizer()

    /// How a forwarded source's numbers become ours.
    private struct Splice {
        let source: UInt32
        let sequenceOffset: UInt16
        let timestampOffset: UInt32
        var highest: UInt16
        /// Which of the last 64 packets before it went out, the newest at bit 0.
        var sent: UInt64 = 1

        /// Whether the packet has not been sent, or is too old to know; from now on it has.
        mutating func take(_ number: UInt16) -> Bool {
            let distance = number.serialDistance(from: highest)
            if distance > 0 {
                sent = distance < 64 ? sent << UInt64(distance) | 1 : 1
                highest = number
                return true
            }
            guard distance > -64 else { return true }
            let bit: UInt64 = 1 << UInt64(-distance)
            defer { sent |= bit }
            return sent & bit == 0
        }
    }
    private var splice: Splice?

    init(ssrc: UInt32, random: inout some RandomNumberGenerator) {
        self.ssrc = ssrc
        // The lower half, so that the receiver's rollover counter cannot guess wrong at the start (RFC 3711 3.3.1).
        nextSequence = UInt16.random(in: 0..<0x8000, using: &random)
        timestampOffset = random.next()
    }

    /// The peer reports. Its clock is the stream's, 48 kHz.
    func note(_ block: ReportBlock) {
        loss.note(fractionLost: block.fractionLost, packetCount: packetCount)
        reported = LinkQuality.Way(
            lostPackets: max(0, Int(block.cumulativeLost)), jitter: .nanoseconds(Int64(block.jitter) * 1_000_000 / 48))
    }

    /// The numbers for a packet of our own at `timestamp` of the caller's 48 kHz clock, `samples` long. The marker
    /// is set on the first packet and after a pause (RFC 3551 section 4.1).
    func number(timestamp: UInt32, samples: Int) -> (sequence: UInt16, timestamp: UInt32, marker: Bool) {
        let placed = timestamp &+ timestampOffset
        let marker = expectedTimestamp != placed
        expectedTimestamp = placed &+ UInt32(truncatingIfNeeded: samples)
        splice = nil
        return (nextSequence, placed, marker)
    }

    /// How many packets of the same source are missing before this one; none when it is not the newest.
    func missing(before packet: ReceivedRTPPacket) -> Int {
        guard let splice, splice.source == packet.ssrc else { return 0 }
        let distance = packet.sequenceNumber.serialDistance(from: splice.highest)
        return distance < Int(ReceptionStatistics.maximumDropout) ? max(0, distance - 1) : 0
    }

    /// The numbers for a forwarded packet: continuous when the source changes or begins anew, with the gaps and the
    /// order of one and the same source kept. Nil for a packet that was sent before.
    func number(_ packet: ReceivedRTPPacket, now: Instant) -> (sequence: UInt16, timestamp: UInt32, marker: Bool)? {
        if let splice, splice.source == packet.ssrc,
            abs(packet.sequenceNumber.serialDistance(from: splice.highest)) < Int(ReceptionStatistics.maximumDropout)
        {
            guard self.splice?.take(packet.sequenceNumber) == true else { return nil }
            return (
                packet.sequenceNumber &+ splice.sequenceOffset, packet.timestamp &+ splice.timestampOffset,
                packet.marker
            )
        }
        var start = timestampOffset
        if let last {
            let elapsed = (now - last.sent).nanoseconds / 1000 * 48 / 1000
            start = last.timestamp &+ UInt32(truncatingIfNeeded: max(960, elapsed))
        }
        splice = Splice(
            source: packet.ssrc, sequenceOffset: nextSequence &- packet.sequenceNumber,
            timestampOffset: start &- packet.timestamp, highest: packet.sequenceNumber)
        return (nextSequence, start, true)
    }

    /// The payload of redundant audio (RFC 2198) for a frame of our own: alone while nothing is lost, with one or two of those
    /// before it otherwise; nil for a frame that is too long.
    ///
    /// - Parameter isAlone: nothing is to be sent twice.
    func redundantPayload(
        for frame: RawSpan, timestamp: UInt32, samples: Int, payloadType: UInt8, isAlone: Bool
    ) -> [UInt8]? {
        let isPacked = packetizer.pack(
            frame, timestamp: timestamp, samples: samples, payloadType: payloadType,
            redundancy: loss.percent == 0 || isAlone ? 0 : loss.percent < 4 ? 1 : 2)
        return isPacked ? packetizer.payload : nil
    }

    /// Counts a packet that went out.
    func count(sequence: UInt16, timestamp: UInt32, payloadLength: Int, now: Instant) {
        packetCount &+= 1
        octetCount &+= UInt32(truncatingIfNeeded: payloadLength)
        if !nextSequence.isAfter(sequence) { nextSequence = sequence &+ 1 }
        if let last, !timestamp.isAfter(last.timestamp) { return }
        last = (timestamp, now)
    }

    /// A report for now; nil before the first packet.
    func makeReport(now: Instant) -> SenderReport? {
        guard let last else { return nil }
        let elapsed = (now - last.sent).nanoseconds / 1000 * 48 / 1000
        return SenderReport(
            ssrc: ssrc, ntpTime: NTPTime.at(now), rtpTimestamp: last.timestamp &+ UInt32(truncatingIfNeeded: elapsed),
            packetCount: packetCount, octetCount: octetCount)
    }
}
