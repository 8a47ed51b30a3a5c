package import Wire

/// Packets of the peer (RFC 9260 sections 6.2, 8.4 and 8.5).
extension SCTPAssociation {
    /// Chunks that answer the chunks of one packet; more are not worth answering.
    static let maximumQueuedControlChunks = 64

    /// Takes one packet, as it came out of DTLS. Malformed and foreign packets are counted and dropped.
    package func receive(_ bytes: RawSpan, now: Instant) {
        begin(now)
        let packet: SCTPPacket
        do {
            packet = try SCTPPacket(parsing: bytes)
        } catch {
            statistics.discardedPackets += 1
            return
        }
        guard packet.destinationPort == configuration.localPort, packet.sourcePort == configuration.remotePort,
            isTagValid(packet)
        else {
            if state == .closed { answerWhenClosed(packet) }
            statistics.discardedPackets += 1
            return
        }
        if state == .closed { return answerWhenClosed(packet) }
        var hasData = false
        for chunk in packet.chunks {
            if case .data = chunk { hasData = true }
            guard handle(chunk), state != .closed else { break }
        }
        guard state != .closed else { return }
        if hasData { scheduleSack() }
        continueShutdown()
    }

    /// RFC 9260 section 8.5: INIT is alone and has no tag yet; ABORT and SHUTDOWN COMPLETE may reflect ours.
    private func isTagValid(_ packet: SCTPPacket) -> Bool {
        guard let first = packet.chunks.first else { return false }
        for chunk in packet.chunks {
            if case .initiation = chunk { return packet.verificationTag == 0 && packet.chunks.count == 1 }
        }
        switch first {
        case .abort(isTagReflected: true, _), .shutdownComplete(isTagReflected: true):
            return packet.verificationTag == peer?.tag
        default:
            return packet.verificationTag == localTag
        }
    }

    /// Handles one chunk; false ends the packet.
    private func handle(_ chunk: SCTPChunk) -> Bool {
        switch chunk {
        case .data(let data): handleData(data)
        case .initiation(let chunk): handleInit(chunk)
        case .initiationAck(let chunk): handleInitAck(chunk)
        case .sack(let chunk): handleSack(chunk)
        case .heartbeat(let information):
            if peer != nil, state != .cookieWait { queue(.heartbeatAck(information)) }
        case .heartbeatAck(let information): handleHeartbeatAck(information)
        case .abort(_, let causes): handleAbort(causes)
        case .shutdown(let cumulativeTSN): handleShutdown(cumulativeTSN)
        case .shutdownAck: handleShutdownAck()
        case .error(let causes): handleError(causes)
        case .cookieEcho(let cookie): handleCookieEcho(cookie)
        case .cookieAck: handleCookieAck()
        case .shutdownComplete: if state == .shutdownAckSent { close(.closedByPeer) }
        case .reconfiguration(let parameters): handleReconfiguration(parameters)
        case .forwardTSN(let chunk): handleForwardTSN(chunk)
        case .unknown(let type, let flags, let value):
            if type & 0x40 != 0, state == .established {
                var writer = ByteWriter()
                SCTPChunk.unknown(type: type, flags: flags, value: value).write(to: &writer)
                queue(.error(causes: [SCTPParameter(type: SCTPErrorCause.unrecognizedChunkType, value: writer.bytes)]))
            }
            return type & 0x80 != 0
        }
        return true
    }

    /// Whether the peer's DATA and FORWARD TSN are taken in this state.
    private var acceptsData: Bool {
        switch state {
        case .established, .shutdownPending, .shutdownSent: true
        default: false
        }
    }

    private func handleData(_ chunk: SCTPDataChunk) {
        // Data with our tag proves that the peer has taken our cookie: its COOKIE ACK was lost or overtaken.
        handleCookieAck()
        guard acceptsData else { return }
        guard !chunk.userData.isEmpty else {
            var tsn = ByteWriter(capacity: 4)
            tsn.write(chunk.tsn)
            return abort([SCTPParameter(type: SCTPErrorCause.noUserData, value: tsn.bytes)], reason: .protocolViolation)
        }
        guard !received.contains(chunk.tsn) else {
            statistics.duplicateChunks += 1
            received.noteDuplicate(chunk.tsn)
            isSackDue = true
            return
        }
        // A chunk that fills a gap is always taken: only so can the buffer become empty again.
        let isBeyond = chunk.tsn.isAfter(received.highest) && chunk.tsn != received.cumulative &+ 1
        let held = reassembly.heldBytes + chunk.userData.count
        guard held <= 2 * configuration.receiveWindow else {
            return abort([.protocolViolation("receive window ignored")], reason: .protocolViolation)
        }
        guard received.isInSpan(chunk.tsn), !isBeyond || held <= configuration.receiveWindow else {
            statistics.refusedChunks += 1
            isSackDue = true
            return
        }
        if !received.runs.isEmpty || chunk.isImmediate { isSackDue = true }
        let before = received.cumulative
        received.insert(chunk.tsn)
        if !received.runs.isEmpty { isSackDue = true }
        guard chunk.stream < Self.announcedStreams else {
            var cause = ByteWriter(capacity: 4)
            cause.write(chunk.stream)
            cause.write(UInt16(0))
            queue(.error(causes: [SCTPParameter(type: SCTPErrorCause.invalidStreamIdentifier, value: cause.bytes)]))
            return
        }
        do {
            try reassembly.insert(chunk, into: &events)
            var tsn = before
            while tsn != received.cumulative {
                tsn &+= 1
                try reassembly.advance(over: tsn)
            }
        } catch .messageTooLarge {
            let limit = configuration.maximumReceiveMessageSize
            return abort(
                [.protocolViolation("message larger than \(limit) bytes")], reason: .messageTooLarge(limit: limit))
        } catch .tooManyWaiting {
            return abort([.protocolViolation("messages without their predecessors")], reason: .protocolViolation)
        } catch {
            return abort([.protocolViolation("fragments of a message do not match")], reason: .protocolViolation)
        }
        performDeferredReset()
    }

    private func handleForwardTSN(_ chunk: SCTPForwardTSNChunk) {
        handleCookieAck()
        guard acceptsData else { return }
        isSackDue = true
        guard chunk.newCumulativeTSN.isAfter(received.cumulative) else { return }
        let before = received.cumulative
        received.forward(to: chunk.newCumulativeTSN)
        reassembly.skip(chunk, after: before, into: &events)
        performDeferredReset()
    }

    /// At the end of a packet with data: every second packet is acknowledged at once (RFC 9260 section 6.2).
    private func scheduleSack() {
        guard acceptsData else { return }
        packetsSinceSack += 1
        if packetsSinceSack >= 2 || state == .shutdownSent { isSackDue = true }
        if !isSackDue, sackDeadline == nil { sackDeadline = now + configuration.sackDelay }
    }

    private func handleAbort(_ causes: [SCTPParameter]) {
        guard state != .idle else { return }
        close(.abortedByPeer(causes: causes.map(\.type)))
    }

    /// After the end, a peer that has not noticed is told (RFC 9260 section 8.4), with its own tag.
    private func answerWhenClosed(_ packet: SCTPPacket) {
        for chunk in packet.chunks {
            switch chunk {
            case .abort, .shutdownComplete, .cookieAck, .error, .sack, .heartbeatAck: return
            case .initiation(let chunk): return handleInit(chunk)
            case .shutdownAck:
                return sendAlone(.shutdownComplete(isTagReflected: true), tag: packet.verificationTag)
            default: continue
            }
        }
        guard !packet.chunks.isEmpty else { return }
        sendAlone(.abort(isTagReflected: true, causes: []), tag: packet.verificationTag)
    }
}

extension SCTPParameter {
    /// The error cause with a sentence for the peer's log.
    static func protocolViolation(_ text: String) -> SCTPParameter {
        SCTPParameter(type: SCTPErrorCause.protocolViolation, value: Array(text.utf8))
    }
}
