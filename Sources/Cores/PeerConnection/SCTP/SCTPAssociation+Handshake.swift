package import Wire

/// The four-way handshake, with collisions (RFC 9260 sections 5.1 and 5.2).
extension SCTPAssociation {
    /// The first timeout of INIT and COOKIE ECHO; it doubles up to `SCTPRetransmissionTimeout.maximum`.
    static let initialHandshakeTimeout: Duration = .seconds(1)

    /// Sends INIT. Does nothing if the association has begun.
    package func start(now: Instant) {
        begin(now)
        guard state == .idle else { return }
        state = .cookieWait
        sendInit()
        startHandshakeTimer()
    }

    private func startHandshakeTimer() {
        handshakeRetransmissions = 0
        handshakeTimeout = Self.initialHandshakeTimeout
        handshakeDeadline = now + handshakeTimeout
    }

    func handshakeTimedOut() {
        handshakeRetransmissions += 1
        guard handshakeRetransmissions <= configuration.maximumInitRetransmissions else {
            return close(.handshakeFailed)
        }
        handshakeTimeout = min(handshakeTimeout * 2, SCTPRetransmissionTimeout.maximum)
        handshakeDeadline = now + handshakeTimeout
        if state == .cookieWait {
            sendInit()
        } else {
            queue(.cookieEcho(cookie))
        }
    }

    private func initChunk(extra: [SCTPParameter] = []) -> SCTPInitChunk {
        SCTPInitChunk(
            initiateTag: localTag, advertisedWindow: UInt32(clamping: configuration.receiveWindow),
            outboundStreams: Self.announcedStreams, inboundStreams: Self.announcedStreams, initialTSN: initialTSN,
            parameters: [
                SCTPParameter(type: SCTPParameter.forwardTSNSupported, value: []),
                SCTPParameter(
                    type: SCTPParameter.supportedExtensions,
                    value: [SCTPChunk.Kind.reconfiguration, SCTPChunk.Kind.forwardTSN]),
            ] + extra)
    }

    private func sendInit() { sendAlone(.initiation(initChunk()), tag: 0) }

    /// INIT, in any state. Our tag and first TSN are the same in INIT and INIT ACK, so that it does not matter which
    /// of two crossing handshakes finishes (RFC 9260 section 5.2.1).
    func handleInit(_ chunk: SCTPInitChunk) {
        guard let peer = SCTPPeer(chunk) else {
            if chunk.initiateTag != 0 {
                let cause = SCTPParameter(type: SCTPErrorCause.invalidMandatoryParameter, value: [])
                sendAlone(.abort(isTagReflected: false, causes: [cause]), tag: chunk.initiateTag)
            }
            return
        }
        switch state {
        case .closed:
            return sendAlone(.abort(isTagReflected: false, causes: []), tag: chunk.initiateTag)
        case .shutdownAckSent:
            return queue(.shutdownAck)
        case .established, .shutdownPending, .shutdownSent, .shutdownReceived:
            if let known = self.peer, known.tag != peer.tag {
                // A peer that lost its association has lost its DTLS connection too; this one is confused.
                sendAlone(.abort(isTagReflected: false, causes: []), tag: chunk.initiateTag)
                return close(.restartedByPeer)
            }
        case .idle, .cookieWait, .cookieEchoed: break
        }
        let cookie = SCTPParameter(
            type: SCTPParameter.stateCookie, value: peer.cookie(nonce: nonce, localTag: localTag))
        let answer = initChunk(
            extra: [cookie]
                + unrecognized(in: chunk.parameters).map {
                    SCTPParameter(type: SCTPParameter.unrecognizedParameter, value: $0)
                })
        sendAlone(.initiationAck(answer), tag: peer.tag)
    }

    func handleInitAck(_ chunk: SCTPInitChunk) {
        guard state == .cookieWait else { return }
        guard let peer = SCTPPeer(chunk), let cookie = chunk.parameter(SCTPParameter.stateCookie),
            cookie.count <= configuration.maximumPacketSize - SCTPPacket.headerLength - SCTPPacket.chunkHeaderLength
        else {
            if chunk.initiateTag != 0 {
                let type =
                    chunk.parameter(SCTPParameter.stateCookie) == nil
                    ? SCTPErrorCause.missingMandatoryParameter : SCTPErrorCause.invalidMandatoryParameter
                let cause = SCTPParameter(type: type, value: [])
                sendAlone(.abort(isTagReflected: false, causes: [cause]), tag: chunk.initiateTag)
            }
            return close(.handshakeFailed)
        }
        adopt(peer)
        state = .cookieEchoed
        self.cookie = cookie
        queue(.cookieEcho(cookie))
        let unknown = unrecognized(in: chunk.parameters)
        if !unknown.isEmpty {
            var list = ByteWriter()
            for parameter in unknown {
                list.pad(to: 4)
                list.write(parameter)
            }
            queue(.error(causes: [SCTPParameter(type: SCTPErrorCause.unrecognizedParameters, value: list.bytes)]))
        }
        startHandshakeTimer()
    }

    /// COOKIE ECHO, in any state (RFC 9260 section 5.2.4; without a restart, only its actions B and D are left).
    func handleCookieEcho(_ bytes: [UInt8]) {
        guard let peer = SCTPPeer(cookie: bytes, nonce: nonce, localTag: localTag) else { return }
        switch state {
        case .idle, .cookieWait:
            adopt(peer)
        case .cookieEchoed:
            if self.peer?.tag != peer.tag { adopt(peer) }
        case .established, .shutdownPending, .shutdownSent, .shutdownReceived:
            if self.peer?.tag == peer.tag { queue(.cookieAck) }
            return
        case .shutdownAckSent, .closed:
            return
        }
        queue(.cookieAck)
        establish()
    }

    /// COOKIE ACK, or data that proves that one was sent.
    func handleCookieAck() {
        if state == .cookieEchoed { establish() }
    }

    private func adopt(_ peer: SCTPPeer) {
        self.peer = peer
        received = SCTPReceivedTSNs(cumulative: peer.initialTSN &- 1)
        reset.lastPeerRequest = peer.initialTSN &- 1
        peerWindow = Int(peer.window)
        outstanding.allowsAbandoning = peer.supportsForwardTSN
    }

    private func establish() {
        state = .established
        handshakeDeadline = nil
        cookie = []
        errorCount = 0
        heartbeatDeadline = now + configuration.heartbeatInterval
        events.append(.connected)
    }

    /// ERROR matters during the handshake alone: a peer that calls our echo of its cookie stale gets a new INIT.
    func handleError(_ causes: [SCTPParameter]) {
        guard state == .cookieEchoed, causes.contains(where: { $0.type == SCTPErrorCause.staleCookie }) else { return }
        state = .cookieWait
        peer = nil
        handshakeTimedOut()
    }

    /// The whole encoded parameters that we do not know and must report (RFC 9260 section 3.2.1).
    private func unrecognized(in parameters: [SCTPParameter]) -> [[UInt8]] {
        let known: Set<UInt16> = [
            SCTPParameter.stateCookie, SCTPParameter.unrecognizedParameter, SCTPParameter.supportedExtensions,
            SCTPParameter.forwardTSNSupported,
        ]
        var found: [[UInt8]] = []
        var length = 0
        for parameter in parameters where !known.contains(parameter.type) {
            if SCTPParameter.ignored.contains(parameter.type) { continue }
            // The answer must fit into a packet beside the cookie.
            length += parameter.value.count + 12
            if parameter.isReportedWhenUnknown, length <= configuration.maximumPacketSize / 4 {
                var writer = ByteWriter()
                parameter.write(to: &writer)
                found.append(writer.bytes)
            }
            if !parameter.isSkippedWhenUnknown { break }
        }
        return found
    }
}
