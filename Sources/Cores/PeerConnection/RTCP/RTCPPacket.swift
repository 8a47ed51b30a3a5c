internal import Wire

/// How one source was received, as a report block says it (RFC 3550 section 6.4.1).
package struct ReportBlock: Hashable, Sendable {
    /// The source that the block is about.
    package var ssrc: UInt32
    /// Share of packets lost since the last report, in 1/256.
    package var fractionLost: UInt8
    /// Packets lost since the beginning; negative with duplicates. 24 bits on the wire.
    package var cumulativeLost: Int32
    package var extendedHighestSequence: UInt32
    /// In timestamp units (samples).
    package var jitter: UInt32
    /// The middle 32 bits of the last sender report's NTP time; 0 if none came.
    package var lastSenderReport: UInt32
    /// Time since that report, in 1/65536 s.
    package var delaySinceLastSenderReport: UInt32

    package init(
        ssrc: UInt32, fractionLost: UInt8, cumulativeLost: Int32, extendedHighestSequence: UInt32, jitter: UInt32,
        lastSenderReport: UInt32, delaySinceLastSenderReport: UInt32
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        self.cumulativeLost = cumulativeLost
        self.extendedHighestSequence = extendedHighestSequence
        self.jitter = jitter
        self.lastSenderReport = lastSenderReport
        self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }

    /// Bytes on the wire.
    package static let length = 24
}

/// What a sender says about its own stream (RFC 3550 section 6.4.1).
package struct SenderReport: Hashable, Sendable {
    package var ssrc: UInt32
    /// Seconds in the upper 32 bits, fraction in the lower.
    package var ntpTime: UInt64
    /// The media clock at the same moment.
    package var rtpTimestamp: UInt32
    package var packetCount: UInt32
    package var octetCount: UInt32
    package var reports: [ReportBlock]

    package init(
        ssrc: UInt32, ntpTime: UInt64, rtpTimestamp: UInt32, packetCount: UInt32, octetCount: UInt32,
        reports: [ReportBlock] = []
    ) {
        self.ssrc = ssrc
        self.ntpTime = ntpTime
        self.rtpTimestamp = rtpTimestamp
        self.packetCount = packetCount
        self.octetCount = octetCount
        self.reports = reports
    }
}

/// One packet of a compound RTCP packet, of the kinds that we use.
package enum RTCPPacket: Hashable, Sendable {
    case senderReport(SenderReport)
    case receiverReport(ssrc: UInt32, reports: [ReportBlock])
    /// The canonical name of each source; other items are skipped.
    case sourceDescription([MediaSource])
    case goodbye([UInt32])
    /// A request to send lost packets again (RFC 4585 section 6.2.1).
    case negativeAcknowledgement(sender: UInt32, source: UInt32, lost: [UInt16])

    /// The most report blocks, sources or chunks in one packet (five bits).
    package static let maximumBlocks = 31
    /// The most lost packets that one request may name.
    package static let maximumLostPackets = 17 * 32
}

/// Why a compound packet was refused.
package enum RTCPError: Error, Hashable, Sendable {
    case truncated
    case wrongVersion
}

extension RTCPPacket {
    /// Parses a compound or reduced-size packet (RFC 5506). Packets of other kinds are skipped; a list longer
    /// than the limits is cut.
    package static func parse(compound: RawSpan) throws(RTCPError) -> [RTCPPacket] {
        do {
            return try parse(ByteReader(compound))
        } catch let error as RTCPError {
            throw error
        } catch {
            throw .truncated
        }
    }

    private static func parse(_ input: consuming ByteReader) throws -> [RTCPPacket] {
        var reader = input
        var packets: [RTCPPacket] = []
        while !reader.isAtEnd {
            let first = try reader.readUInt8()
            guard first >> 6 == 2 else { throw RTCPError.wrongVersion }
            let type = try reader.readUInt8()
            let length = 4 * Int(try reader.readUInt16())
            let whole = try reader.readSpan(length)
            var padding = 0
            if first & 0x20 != 0, length > 0 {
                var last = ByteReader(whole.extracting(length - 1..<length))
                padding = min(length, Int(try last.readUInt8()))
            }
            var body = ByteReader(whole.extracting(0..<length - padding))
            let count = Int(first & 0x1F)
            switch type {
            case 200: packets.append(.senderReport(try senderReport(&body, count: count)))
            case 201:
                let ssrc = try body.readUInt32()
                packets.append(.receiverReport(ssrc: ssrc, reports: try reportBlocks(&body, count: count)))
            case 202: packets.append(.sourceDescription(try sourceDescription(&body, count: count)))
            case 203:
                var sources: [UInt32] = []
                for _ in 0..<count { sources.append(try body.readUInt32()) }
                packets.append(.goodbye(sources))
            case 205 where count == 1: packets.append(try negativeAcknowledgement(&body))
            default: break
            }
        }
        return packets
    }

    private static func senderReport(_ body: inout ByteReader, count: Int) throws(Truncated) -> SenderReport {
        SenderReport(
            ssrc: try body.readUInt32(), ntpTime: try body.readUInt64(), rtpTimestamp: try body.readUInt32(),
            packetCount: try body.readUInt32(), octetCount: try body.readUInt32(),
            reports: try reportBlocks(&body, count: count))
    }

    private static func reportBlocks(_ body: inout ByteReader, count: Int) throws(Truncated) -> [ReportBlock] {
        var blocks: [ReportBlock] = []
        for _ in 0..<count {
            let ssrc = try body.readUInt32()
            let loss = try body.readUInt32()
            // Sign-extended from 24 bits.
            let lost = Int32(bitPattern: loss << 8) >> 8
            blocks.append(
                ReportBlock(
                    ssrc: ssrc, fractionLost: UInt8(truncatingIfNeeded: loss >> 24), cumulativeLost: lost,
                    extendedHighestSequence: try body.readUInt32(), jitter: try body.readUInt32(),
                    lastSenderReport: try body.readUInt32(), delaySinceLastSenderReport: try body.readUInt32()))
        }
        return blocks
    }

    private static func sourceDescription(_ body: inout ByteReader, count: Int) throws(Truncated) -> [MediaSource] {
        var sources: [MediaSource] = []
        for _ in 0..<count {
            var source = MediaSource(ssrc: try body.readUInt32())
            while true {
                let item = try body.readUInt8()
                if item == 0 { break }
                let text = try body.readBytes(Int(try body.readUInt8()))
                if item == 1 { source.cname = String(decoding: text, as: UTF8.self) }
            }
            // Each chunk ends on a 32-bit border, counted from the end of the header.
            let misalignment = body.offset & 3
            if misalignment > 0 { try body.skip(4 - misalignment) }
            sources.append(source)
        }
        return sources
    }

    private static func negativeAcknowledgement(_ body: inout ByteReader) throws(Truncated) -> RTCPPacket {
        let sender = try body.readUInt32()
        let source = try body.readUInt32()
        var lost: [UInt16] = []
        while body.remaining >= 4, lost.count + 17 <= maximumLostPackets {
            let first = try body.readUInt16()
            let mask = try body.readUInt16()
            lost.append(first)
            for bit in 0..<16 where mask >> UInt16(bit) & 1 != 0 { lost.append(first &+ UInt16(bit) &+ 1) }
        }
        return .negativeAcknowledgement(sender: sender, source: source, lost: lost)
    }
}
