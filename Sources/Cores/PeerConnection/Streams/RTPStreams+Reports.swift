internal import Wire

/// RTCP: reports, requests for lost packets, goodbyes.
extension RTPStreams {
    /// The shortest pause between two reports; each is followed by 1 to 3 s (RFC 3550 section 6.2, for a session of
    /// two with the reduced minimum).
    private static var minimumReportInterval: Duration { .seconds(1) }
    /// SSRCs described in one compound packet, so that it fits an Ethernet frame.
    private static var sourcesPerReport: Int { 8 }

    /// From now on there are reports.
    func startReports(now: Instant) {
        guard reportDeadline == nil else { return }
        reportDeadline = now + .milliseconds(Int.random(in: 200...1000, using: &random))
    }

    // MARK: Sending

    /// Asks for what is missing of one SSRC.
    func request(_ receiver: RTPReceiver, now: Instant) {
        let roundTrip = roundTripTime ?? Self.assumedRoundTrip
        guard let wanted = receiver.requests?.poll(now: now, roundTrip: roundTrip), !wanted.isEmpty else { return }
        statistics.packetsRequested += wanted.count
        let source = activeSenders.first?.ssrc ?? reporterSource
        queue([
            .receiverReport(ssrc: source, reports: []),
            .negativeAcknowledgement(sender: source, source: receiver.ssrc, lost: wanted),
        ])
    }

    /// Senders that have sent something.
    private var activeSenders: [RTPSender] {
        sections.compactMap { section in
            guard section.parameters.sends, let sender = section.sender, sender.packetCount > 0 else { return nil }
            return sender
        }
    }

    /// One or more compound packets: sender reports, report blocks for all that is received, canonical names.
    func queueReports(now: Instant) {
        var blocks: [ReportBlock] = []
        for receiver in receivers.values {
            if let block = receiver.statistics.makeReportBlock(ssrc: receiver.ssrc, now: now) { blocks.append(block) }
        }
        var waiting = blocks[...]
        var senders = activeSenders[...]
        repeat {
            var packets: [RTCPPacket] = []
            let group = senders.prefix(Self.sourcesPerReport)
            senders = senders.dropFirst(Self.sourcesPerReport)
            let taken = Array(waiting.prefix(Self.sourcesPerReport))
            waiting = waiting.dropFirst(taken.count)
            var isFirst = true
            for sender in group {
                guard var report = sender.makeReport(now: now) else { continue }
                if isFirst { report.reports = taken }
                isFirst = false
                packets.append(.senderReport(report))
            }
            if packets.isEmpty { packets.append(.receiverReport(ssrc: reporterSource, reports: taken)) }
            let sources = group.isEmpty ? [reporterSource] : group.map(\.ssrc)
            packets.append(.sourceDescription(sources.map { MediaSource(ssrc: $0, cname: cname) }))
            queue(packets)
        } while !senders.isEmpty || !waiting.isEmpty
        let extra = Duration.milliseconds(Int.random(in: 0...2000, using: &random))
        reportDeadline = now + Self.minimumReportInterval + extra
    }

    /// Tells the peer that our streams are over: those named, or all.
    func queueGoodbye(for named: [UInt32]? = nil) {
        let sources = named ?? Array(senders.keys)
        for start in stride(from: 0, to: sources.count, by: RTCPPacket.maximumBlocks) {
            let group = Array(sources[start..<min(start + RTCPPacket.maximumBlocks, sources.count)])
            queue([.receiverReport(ssrc: group[0], reports: []), .goodbye(group)])
        }
    }

    private func queue(_ packets: [RTCPPacket]) { emit(.control(RTCPPacket.serialize(packets))) }

    // MARK: Receiving

    /// Takes one decrypted compound RTCP packet; `sink` is called for the sound that it releases.
    func receiveControl(_ compound: RawSpan, now: Instant, sink: (ReceivedSound) -> Void) {
        guard let packets = try? RTCPPacket.parse(compound: compound) else {
            statistics.packetsIgnored += 1
            return
        }
        for packet in packets {
            switch packet {
            case .senderReport(let report):
                receivers[report.ssrc]?.statistics.receive(report, now: now)
                take(report.reports, now: now)
            case .receiverReport(_, let reports): take(reports, now: now)
            case .sourceDescription: break
            case .goodbye(let sources):
                for ssrc in sources {
                    guard let receiver = receivers[ssrc] else { continue }
                    receiver.jitterBuffer?.flush { receiver.release($0, to: sink) }
                    emit(.event(.sourceEnded(section: receiver.section)))
                }
            case .negativeAcknowledgement(_, let source, let lost): resend(source, lost, now: now)
            }
        }
    }

    /// What the peer says of our streams.
    private func take(_ reports: [ReportBlock], now: Instant) {
        for block in reports {
            guard let sender = senders[block.ssrc]?.sender else { continue }
            if let measured = NTPTime.roundTrip(of: block, now: now) { reportedRoundTrip = measured }
            sender.note(block)
        }
    }

    private func resend(_ source: UInt32, _ lost: [UInt16], now: Instant) {
        guard let sender = senders[source]?.sender else { return }
        sender.loss.note(requests: lost)
        let holdOff = min(roundTripTime ?? NACKGenerator.minimumInterval, .milliseconds(200))
        for number in lost {
            guard let bytes = sender.history?.resend(number, now: now, holdOff: holdOff) else { continue }
            statistics.packetsResent += 1
            emit(.resend(bytes))
        }
    }
}
