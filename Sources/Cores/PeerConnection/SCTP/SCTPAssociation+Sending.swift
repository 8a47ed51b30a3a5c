import Wire

/// Building packets, and what SACK and timers do to the data under way (RFC 9260 sections 6.1, 6.3 and 7.2).
extension SCTPAssociation {
    /// Chunks under way at most; small messages cost more than their bytes.
    static let maximumOutstandingChunks = 8192

    /// User data that fits into a packet of its own, in bytes.
    var maximumFragment: Int {
        (configuration.maximumPacketSize - SCTPPacket.headerLength - SCTPDataChunk.headerLength) & ~3
    }

    /// Queues a chunk for the next packet. What cannot fit into a packet is dropped.
    func queue(_ chunk: SCTPChunk) {
        guard controlChunks.count < Self.maximumQueuedControlChunks else { return }
        var writer = ByteWriter(capacity: 64)
        chunk.write(to: &writer)
        guard writer.count <= configuration.maximumPacketSize - SCTPPacket.headerLength else { return }
        controlChunks.append(writer.bytes)
    }

    /// Sends a chunk in a packet of its own under the given tag.
    func sendAlone(_ chunk: SCTPChunk, tag: UInt32) {
        packets.append(
            SCTPPacket(
                sourcePort: configuration.localPort, destinationPort: configuration.remotePort, verificationTag: tag,
                chunks: [chunk]
            ).serialized())
    }

    /// Whether DATA may leave in this state.
    private var mayTransmitData: Bool {
        switch state {
        case .established, .shutdownPending, .shutdownReceived: true
        default: false
        }
    }

    /// The next packet, with as much in it as fits; nil if there is nothing to send.
    func makePacket() -> [UInt8]? {
        guard let peer, state != .cookieWait, state != .closed else { return nil }
        if flightLimit == nil {
            if outstanding.isEmpty, !sendQueue.isEmpty, let last = lastDataSentAt {
                congestion.idled(for: now - last, timeout: timeout.current)
                lastDataSentAt = now
            }
            flightLimit = congestion.limit(flight: outstanding.flightBytes)
        }
        let size = configuration.maximumPacketSize
        var writer = SCTPPacket.writer(
            sourcePort: configuration.localPort, destinationPort: configuration.remotePort, verificationTag: peer.tag,
            capacity: canTransmitData ? size : 64)
        while let chunk = controlChunks.first, writer.count + chunk.count <= size {
            writer.write(chunk)
            _ = controlChunks.popFirst()
        }
        guard controlChunks.isEmpty else { return SCTPPacket.finished(writer) }
        // A delayed SACK travels with data that leaves anyway.
        if isSackDue || sackDeadline != nil && canTransmitData { writeSack(to: &writer) }
        if isForwardTSNDue { writeForwardTSN(to: &writer) }
        if mayTransmitData { writeData(to: &writer) }
        return writer.count > SCTPPacket.headerLength ? SCTPPacket.finished(writer) : nil
    }

    private func writeSack(to writer: inout ByteWriter) {
        let room = configuration.maximumPacketSize - writer.count
        guard room >= SCTPSackChunk.minimumLength else { return }
        let window = configuration.receiveWindow - reassembly.heldBytes
        SCTPChunk.sack(received.takeSack(window: window, length: room)).write(to: &writer)
        isSackDue = false
        sackDeadline = nil
        packetsSinceSack = 0
    }

    private func writeForwardTSN(to writer: inout ByteWriter) {
        let room = configuration.maximumPacketSize - writer.count - 8
        guard room >= 4 else { return }
        isForwardTSNDue = false
        guard let chunk = outstanding.forwardTSN(maximumSkips: room / 4) else { return }
        SCTPChunk.forwardTSN(chunk).write(to: &writer)
        forwardTSNSentAt = now
        startRetransmissionTimer()
    }

    private var canTransmitData: Bool {
        guard mayTransmitData else { return false }
        if outstanding.hasLost { return mayExceedWindow || outstanding.flightBytes < (flightLimit ?? 0) }
        return !sendQueue.isEmpty && maySendNew(length: 1)
    }

    /// RFC 9260 section 6.1, rules A and B. With nothing in flight one chunk may leave whatever the peer's window
    /// says: it finds out when a closed window opens again.
    private func maySendNew(length: Int) -> Bool {
        guard outstanding.flightBytes < (flightLimit ?? 0), outstanding.count < Self.maximumOutstandingChunks else {
            return false
        }
        return outstanding.flightBytes == 0 || peerWindow >= length
    }

    private func writeData(to writer: inout ByteWriter) {
        let size = configuration.maximumPacketSize
        while let index = outstanding.firstLost() {
            let chunk = outstanding[index]
            guard mayExceedWindow || outstanding.flightBytes < (flightLimit ?? 0) else { return }
            if outstanding.allowsAbandoning, chunk.message.isExpired(now) {
                abandon(index)
                continue
            }
            guard writer.count + chunk.size <= size else { break }
            outstanding.markRetransmitted(index, now: now)
            statistics.retransmittedChunks += 1
            write(outstanding[index], tsn: outstanding.tsn(at: index), to: &writer)
            // The earliest chunk left again: its time starts anew.
            if index == 0 { retransmissionDeadline = now + timeout.current }
            startRetransmissionTimer()
        }
        if writer.count > SCTPPacket.headerLength { mayExceedWindow = false }
        guard !outstanding.hasLost else { return }
        writeNewData(to: &writer)
    }

    private func writeNewData(to writer: inout ByteWriter) {
        while let message = sendQueue.next() {
            if message.isExpired(now), message.nextOffset == 0 || outstanding.allowsAbandoning {
                dropCurrent(message)
                continue
            }
            let rest = message.payload.count - message.nextOffset
            let room = (configuration.maximumPacketSize - writer.count - SCTPDataChunk.headerLength) & ~3
            var length = min(rest, maximumFragment)
            if length > room {
                // Half a packet is worth filling with a fragment of a message that does not fit anyway.
                guard message.payload.count > maximumFragment, room >= maximumFragment / 2 else { return }
                length = room
            }
            guard maySendNew(length: length) else { return }
            let offset = message.nextOffset
            outstanding.append(message, offset: offset, length: length, now: now)
            sendQueue.cut(length)
            peerWindow = max(0, peerWindow - length)
            let index = outstanding.count - 1
            write(outstanding[index], tsn: outstanding.tsn(at: index), to: &writer)
            lastDataSentAt = now
            heartbeatDeadline = now + configuration.heartbeatInterval
            heartbeatSentAt = nil
            startRetransmissionTimer()
        }
    }

    private func write(_ chunk: SCTPOutstandingChunk, tsn: UInt32, to writer: inout ByteWriter) {
        let message = chunk.message
        SCTPDataChunk.writeHeader(
            tsn: tsn, stream: message.stream, sequenceNumber: message.isUnordered ? 0 : message.sequenceNumber,
            payloadProtocol: message.payloadProtocol, isUnordered: message.isUnordered,
            isFirstFragment: chunk.isFirstFragment, isLastFragment: chunk.isLastFragment,
            userDataLength: chunk.length, to: &writer)
        writer.write(message.payload[chunk.offset..<chunk.offset + chunk.length])
        writer.pad(to: 4)
    }

    private func startRetransmissionTimer() {
        if retransmissionDeadline == nil { retransmissionDeadline = now + timeout.current }
    }

    /// The message that is being cut has expired.
    private func dropCurrent(_ message: SCTPOutboundMessage) {
        if message.nextOffset == 0 {
            statistics.abandonedMessages += 1
            sendQueue.finishCurrent()
            sendQueue.release(stream: message.stream, bytes: message.payload.count)
            return
        }
        // Its fragments have the last TSNs. If all of them were acknowledged, the peer waits for the rest.
        outstanding.abandonCurrent(message, queue: &sendQueue)
        noteAbandoned()
    }

    private func abandon(_ index: Int) {
        outstanding.abandon(index, queue: &sendQueue)
        noteAbandoned()
    }

    private func noteAbandoned() {
        statistics.abandonedMessages += 1
        isForwardTSNDue = outstanding.forwardTSN(maximumSkips: 1) != nil
        if !outstanding.isEmpty { startRetransmissionTimer() }
    }

    func handleSack(_ sack: SCTPSackChunk) {
        // Data with our tag proves as much as COOKIE ACK; a SACK does not, for we have not sent any data.
        switch state {
        case .established, .shutdownPending, .shutdownReceived: break
        default: return
        }
        let highest = outstanding.nextTSN &- 1
        guard !outstanding.cumulativeTSN.isAfter(sack.cumulativeTSN), !sack.cumulativeTSN.isAfter(highest),
            areAscending(sack.gapBlocks)
        else { return }
        let flightBefore = outstanding.flightBytes
        let abandonedBefore = outstanding.abandonedMessages
        let result = outstanding.acknowledge(
            sack, isInFastRecovery: congestion.recoveryExit != nil, now: now, queue: &sendQueue)
        statistics.abandonedMessages += outstanding.abandonedMessages - abandonedBefore
        peerWindow = max(0, Int(sack.advertisedWindow) - outstanding.flightPayload)
        if result.bytes > 0 || result.hasAdvanced || sack.advertisedWindow == 0 { errorCount = 0 }
        if let sentAt = result.sentAt {
            timeout.measure(now - sentAt)
        } else if result.hasAdvanced {
            timeout.recover()
        }
        congestion.advance(to: outstanding.cumulativeTSN)
        if result.hasAdvanced {
            congestion.acknowledged(
                bytes: result.bytes, flightBefore: flightBefore, isAllAcknowledged: outstanding.isEmpty)
        }
        if result.hasLoss, congestion.enterFastRecovery(exit: outstanding.nextTSN &- 1) { mayExceedWindow = true }
        if outstanding.isEmpty {
            retransmissionDeadline = nil
        } else if result.hasAdvanced {
            retransmissionDeadline = now + timeout.current
        }
        updateForwardTSN(hasAbandoned: outstanding.abandonedMessages != abandonedBefore || result.hasAdvanced)
    }

    private func areAscending(_ blocks: [SCTPSackChunk.GapBlock]) -> Bool {
        var previous = 0
        for block in blocks {
            guard block.start > previous, block.end >= block.start else { return false }
            previous = Int(block.end)
        }
        return true
    }

    /// After a SACK: the peer is told again what was given up on, once a round trip unless it has moved.
    private func updateForwardTSN(hasAbandoned: Bool) {
        guard outstanding.forwardTSN(maximumSkips: 1) != nil else {
            isForwardTSNDue = false
            return
        }
        let roundTrip = Duration.nanoseconds(timeout.smoothed ?? SCTPRetransmissionTimeout.initial.nanoseconds)
        if hasAbandoned || forwardTSNSentAt.map({ now - $0 >= roundTrip }) ?? true { isForwardTSNDue = true }
    }

    /// T3-rtx ran out (RFC 9260 section 6.3.3).
    func retransmissionTimedOut() {
        retransmissionDeadline = nil
        guard !outstanding.isEmpty, countError() else { return }
        timeout.backOff()
        congestion.timedOut()
        let abandonedBefore = outstanding.abandonedMessages
        outstanding.loseAll(now: now, queue: &sendQueue)
        statistics.abandonedMessages += outstanding.abandonedMessages - abandonedBefore
        isForwardTSNDue = outstanding.forwardTSN(maximumSkips: 1) != nil
        startRetransmissionTimer()
    }
}
