package import Wire

/// Keeping an eye on the path, and the two ways to end (RFC 9260 sections 8.3, 9.1 and 9.2).
extension SCTPAssociation {
    /// Finishes what is queued, then ends in agreement with the peer. Nothing more is accepted for sending.
    package func shutdown(now: Instant) {
        begin(now)
        switch state {
        case .idle, .cookieWait, .cookieEchoed: abort(now: now)
        case .established:
            state = .shutdownPending
            continueShutdown()
        default: break
        }
    }

    /// Ends at once; the peer is told if it is known.
    package func abort(now: Instant) {
        begin(now)
        abort([SCTPParameter(type: SCTPErrorCause.userInitiatedAbort, value: [])], reason: .closedLocally)
    }

    /// Tells the peer why and closes.
    func abort(_ causes: [SCTPParameter], reason: SCTPCloseReason) {
        guard state != .closed else { return }
        if let peer { sendAlone(.abort(isTagReflected: false, causes: causes), tag: peer.tag) }
        close(reason)
    }

    /// Goes on once everything that was queued has been acknowledged.
    func continueShutdown() {
        guard state == .shutdownPending || state == .shutdownReceived, outstanding.isEmpty, sendQueue.isEmpty else {
            return
        }
        state = state == .shutdownPending ? .shutdownSent : .shutdownAckSent
        heartbeatDeadline = nil
        reset.deadline = nil
        sendShutdown()
    }

    private func sendShutdown() {
        queue(state == .shutdownSent ? .shutdown(cumulativeTSN: received.cumulative) : .shutdownAck)
        shutdownDeadline = now + timeout.current
    }

    func shutdownTimedOut() {
        shutdownDeadline = nil
        guard state == .shutdownSent || state == .shutdownAckSent, countError() else { return }
        timeout.backOff()
        sendShutdown()
    }

    func handleShutdown(_ cumulativeTSN: UInt32) {
        switch state {
        case .established, .shutdownPending:
            handleSack(SCTPSackChunk(cumulativeTSN: cumulativeTSN, advertisedWindow: UInt32(clamping: peerWindow)))
            state = .shutdownReceived
        case .shutdownReceived:
            handleSack(SCTPSackChunk(cumulativeTSN: cumulativeTSN, advertisedWindow: UInt32(clamping: peerWindow)))
        case .shutdownSent:
            // Both began at once.
            state = .shutdownAckSent
            sendShutdown()
        case .shutdownAckSent: queue(.shutdownAck)
        case .idle, .cookieWait, .cookieEchoed, .closed: break
        }
    }

    func handleShutdownAck() {
        guard let peer, state == .shutdownSent || state == .shutdownAckSent else { return }
        sendAlone(.shutdownComplete(isTagReflected: false), tag: peer.tag)
        close(state == .shutdownSent ? .closedLocally : .closedByPeer)
    }

    /// An idle path is tried; an unanswered trial is repeated like lost data.
    func heartbeatTimedOut() {
        guard state == .established || state == .shutdownPending else {
            heartbeatDeadline = nil
            return
        }
        if !outstanding.isEmpty {
            heartbeatSentAt = nil
            heartbeatDeadline = now + configuration.heartbeatInterval
            return
        }
        if heartbeatSentAt != nil {
            guard countError() else { return }
            timeout.backOff()
        }
        var information = ByteWriter(capacity: 16)
        information.write(nonce)
        information.write(UInt64(bitPattern: now.nanoseconds))
        var parameter = ByteWriter(capacity: 20)
        SCTPParameter(type: SCTPParameter.heartbeatInformation, value: information.bytes).write(to: &parameter)
        queue(.heartbeat(parameter.bytes))
        heartbeatSentAt = now
        heartbeatDeadline = now + timeout.current
    }

    func handleHeartbeatAck(_ bytes: [UInt8]) {
        guard let sentAt = heartbeatSentAt, let parameters = try? SCTPParameter.list(parsing: bytes.span.bytes),
            let information = parameters.first(where: { $0.type == SCTPParameter.heartbeatInformation })?.value,
            information.count == 16
        else { return }
        var reader = ByteReader(information.span.bytes)
        guard let nonce = try? reader.readUInt64(), nonce == self.nonce, let time = try? reader.readUInt64(),
            Int64(bitPattern: time) == sentAt.nanoseconds
        else { return }
        heartbeatSentAt = nil
        errorCount = 0
        timeout.measure(now - sentAt)
        heartbeatDeadline = now + configuration.heartbeatInterval
    }
}
