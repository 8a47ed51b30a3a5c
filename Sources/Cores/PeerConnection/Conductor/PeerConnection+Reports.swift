internal import Wire

/// RTCP: reports, requests for lost packets, goodbyes.
extension PeerConnection {
    /// The shortest pause between two reports; each is followed by 1 to 3 s (RFC 3550 section 6.2, for a session of
    /// two with the reduced minimum).
    private static let minimumReportInterval = Duration.seconds(1)
    /// Sources described in one compound packet, so that it fits an Ethernet frame.
    private static let sourcesPerReport = 8

    func armReports(now: Instant) {
        guard srtp != nil, reportDeadline == nil else { return }
        reportDeadline = now + .milliseconds(Int.random(in: 200...1000, using: &random))
    }

    func handleMediaTimeouts(now: Instant) {
        guard srtp != nil else { return }
        var isDue = false
        for (_, receiver) in receiversBySource {
            if let deadline = receiver.nextDeadline, deadline <= now { isDue = true }
        }
        // A copy, because a receiver may go away while its sound is being released.
        for receiver in isDue ? Array(receiversBySource.values) : [] {
            if let jitterBuffer = receiver.jitterBuffer, let deadline = jitterBuffer.nextDeadline, deadline <= now {
                jitterBuffer.handleTimeout(now: now) { release($0, of: receiver) }
            }
            if let deadline = receiver.requests?.nextDeadline, deadline <= now { request(receiver, now: now) }
        }
        if let deadline = reportDeadline, deadline <= now {
            sendReports(now: now)
            let extra = Duration.milliseconds(Int.random(in: 0...2000, using: &random))
            reportDeadline = now + Self.minimumReportInterval + extra
        }
    }

    /// Asks for what is missing of one source.
    private func request(_ receiver: RTPReceiver, now: Instant) {
        let roundTrip = roundTripTime ?? .milliseconds(50)
        guard let wanted = receiver.requests?.poll(now: now, roundTrip: roundTrip), !wanted.isEmpty else { return }
        statistics.packetsRequested += wanted.count
        let source = activeSenders.first?.ssrc ?? reporterSource
        sendRTCP([
            .receiverReport(ssrc: source, reports: []),
            .negativeAcknowledgement(sender: source, source: receiver.ssrc, lost: wanted),
        ])
    }

    /// Senders that have sent something.
    private var activeSenders: [RTPSender] {
        transceivers.compactMap { transceiver in
            guard transceiver.current.sends, let sender = transceiver.sender, sender.packetCount > 0 else { return nil }
            return sender
        }
    }

    /// One or more compound packets: sender reports, report blocks for all that is received, canonical names.
    private func sendReports(now: Instant) {
        var blocks: [ReportBlock] = []
        for receiver in receiversBySource.values {
            if let block = receiver.statistics.makeReportBlock(ssrc: receiver.ssrc, now: now) { blocks.append(block) }
        }
        var senders = activeSenders[...]
        repeat {
            var packets: [RTCPPacket] = []
            let group = senders.prefix(Self.sourcesPerReport)
            senders = senders.dropFirst(Self.sourcesPerReport)
            let taken = Array(blocks.prefix(Self.sourcesPerReport))
            blocks.removeFirst(taken.count)
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
            sendRTCP(packets)
        } while !senders.isEmpty || !blocks.isEmpty
    }

    /// Tells the peer that our sources are over.
    func sendGoodbye(for sources: [UInt32], now: Instant) {
        guard srtp != nil else { return }
        for start in stride(from: 0, to: sources.count, by: RTCPPacket.maximumBlocks) {
            let group = Array(sources[start..<min(start + RTCPPacket.maximumBlocks, sources.count)])
            sendRTCP([.receiverReport(ssrc: group[0], reports: []), .goodbye(group)])
        }
    }

    private func sendRTCP(_ packets: [RTCPPacket]) {
        guard let srtp, let path, let delegate else { return }
        let bytes = RTCPPacket.serialize(packets)
        guard bytes.count + srtpOverhead <= sendBuffer.count else { return }
        sendBuffer.copyBytes(from: bytes)
        guard let length = srtp.protectRTCP(sendBuffer, length: bytes.count), length <= sendBuffer.count else { return }
        delegate.peerConnection(
            self, transmit: UnsafeRawBufferPointer(rebasing: sendBuffer[..<length]), from: path.base,
            to: path.destination)
    }

    func receiveRTCP(_ datagram: UnsafeMutableRawBufferPointer, now: Instant) {
        guard let srtp, let length = srtp.unprotectRTCP(datagram, length: datagram.count), length <= datagram.count
        else {
            statistics.packetsRejected += 1
            return
        }
        // SAFETY: the span is used only during the call, for which the caller keeps the buffer.
        let compound = unsafe UnsafeRawBufferPointer(rebasing: datagram[..<length]).bytes
        guard let packets = try? RTCPPacket.parse(compound: compound) else {
            statistics.packetsIgnored += 1
            return
        }
        for packet in packets {
            switch packet {
            case .senderReport(let report):
                receiversBySource[report.ssrc]?.statistics.receive(report, now: now)
                take(report.reports, now: now)
            case .receiverReport(_, let reports): take(reports, now: now)
            case .sourceDescription: break
            case .goodbye(let sources):
                for ssrc in sources {
                    guard let receiver = receiversBySource[ssrc] else { continue }
                    receiver.jitterBuffer?.flush { release($0, of: receiver) }
                    events.append(.sourceEnded(section: receiver.section))
                }
            case .negativeAcknowledgement(_, let source, let lost): sendAgain(source, lost, now: now)
            }
        }
    }

    /// What the peer says of our streams.
    private func take(_ reports: [ReportBlock], now: Instant) {
        for block in reports where sendersBySource[block.ssrc] != nil {
            if let measured = NTPTime.roundTrip(of: block, now: now) { reportedRoundTrip = measured }
            let percent = (Int(block.fractionLost) * 100 + 128) / 256
            reportedLossPercent = max(percent, (reportedLossPercent * 3 + percent) / 4)
        }
    }

    private func sendAgain(_ source: UInt32, _ lost: [UInt16], now: Instant) {
        guard let path, let sender = sendersBySource[source]?.sender else { return }
        let holdOff = min(roundTripTime ?? NACKGenerator.minimumInterval, .milliseconds(200))
        for number in lost {
            guard let bytes = sender.history?.resend(number, now: now, holdOff: holdOff) else { continue }
            statistics.packetsResent += 1
            transmit(bytes, from: path.base, to: path.destination)
        }
    }
}
