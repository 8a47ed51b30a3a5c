internal import Wire

extension RTCPPacket {
    /// The packets as one compound packet. Lists longer than a packet can hold are cut.
    package static func serialize(_ packets: [RTCPPacket]) -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        for packet in packets { packet.write(to: &writer) }
        return writer.bytes
    }

    private func write(to writer: inout ByteWriter) {
        let start = writer.count
        switch self {
        case .senderReport(let report):
            let blocks = report.reports.prefix(Self.maximumBlocks)
            Self.writeHeader(200, count: blocks.count, to: &writer)
            writer.write(report.ssrc)
            writer.write(report.ntpTime)
            writer.write(report.rtpTimestamp)
            writer.write(report.packetCount)
            writer.write(report.octetCount)
            for block in blocks { block.write(to: &writer) }
        case .receiverReport(let ssrc, let reports):
            let blocks = reports.prefix(Self.maximumBlocks)
            Self.writeHeader(201, count: blocks.count, to: &writer)
            writer.write(ssrc)
            for block in blocks { block.write(to: &writer) }
        case .sourceDescription(let sources):
            let chunks = sources.prefix(Self.maximumBlocks)
            Self.writeHeader(202, count: chunks.count, to: &writer)
            for source in chunks {
                writer.write(source.ssrc)
                let name = Array((source.cname ?? "").utf8.prefix(255))
                writer.write(UInt8(1))
                writer.write(UInt8(name.count))
                writer.write(name)
                // At least one zero ends the list of items.
                writer.write(UInt8(0))
                while !(writer.count - start).isMultiple(of: 4) { writer.write(UInt8(0)) }
            }
        case .goodbye(let sources):
            let named = sources.prefix(Self.maximumBlocks)
            Self.writeHeader(203, count: named.count, to: &writer)
            for ssrc in named { writer.write(ssrc) }
        case .negativeAcknowledgement(let sender, let source, let lost):
            Self.writeHeader(205, count: 1, to: &writer)
            writer.write(sender)
            writer.write(source)
            Self.writeLost(lost.prefix(Self.maximumLostPackets), to: &writer)
        }
        writer.overwrite(at: start + 2, with: UInt16(truncatingIfNeeded: (writer.count - start) / 4 - 1))
    }

    /// Version 2, the count, the type and room for the length.
    private static func writeHeader(_ type: UInt8, count: Int, to writer: inout ByteWriter) {
        writer.write(0x80 | UInt8(truncatingIfNeeded: count & 0x1F))
        writer.write(type)
        writer.write(UInt16(0))
    }

    /// Pairs of a sequence number and a mask of the sixteen that follow it.
    private static func writeLost(_ lost: ArraySlice<UInt16>, to writer: inout ByteWriter) {
        var index = lost.startIndex
        while index < lost.endIndex {
            let first = lost[index]
            var mask: UInt16 = 0
            index += 1
            while index < lost.endIndex {
                let ahead = lost[index] &- first
                guard (1...16).contains(ahead) else { break }
                mask |= 1 << (ahead - 1)
                index += 1
            }
            writer.write(first)
            writer.write(mask)
        }
    }
}

extension ReportBlock {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.write(ssrc)
        let lost = UInt32(bitPattern: max(-0x80_0000, min(0x7F_FFFF, cumulativeLost))) & 0xFF_FFFF
        writer.write(UInt32(fractionLost) << 24 | lost)
        writer.write(extendedHighestSequence)
        writer.write(jitter)
        writer.write(lastSenderReport)
        writer.write(delaySinceLastSenderReport)
    }
}
