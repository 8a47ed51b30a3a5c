package import Wire

/// ICE, DTLS and SCTP, and how they feed one another.
extension PeerConnection {
    /// Adds a socket of ours that the peer can reach; false if there are too many, or it is known. The first
    /// one is preferred.
    @discardableResult
    package func addLocalCandidate(_ base: TransportAddress) -> Bool {
        !isClosed && ice.addLocalCandidate(host: base) != nil
    }

    /// Adds an address of the peer: the text of a candidate, with or without `a=candidate:` or `candidate:` in
    /// front. May come before any description. False if it is of no use to us: TCP, a host name, component 2.
    @discardableResult
    package func addRemoteCandidate(_ text: String, now: Instant) -> Bool {
        guard !isClosed, let candidate = Self.candidate(text) else { return false }
        let isTaken = ice.addRemoteCandidate(candidate)
        settle(now: now)
        return isTaken
    }

    static func candidate(_ text: String) -> ICECandidate? {
        let isPrefixed = text.hasPrefix("candidate:") || text.hasPrefix("a=candidate:")
        return try? ICECandidate(parsing: isPrefixed ? text : "candidate:" + text)
    }

    /// Our candidates as they are trickled: `candidate:…`.
    package var localCandidates: [String] {
        ice.localCandidates.map(\.text)
    }

    /// The username fragment that the peer's checks carry first; a server with one socket for many connections
    /// finds the connection by it.
    package var localUsernameFragment: String { ice.localCredentials.usernameFragment }
    package var iceState: ICEState { ice.state }
    /// The pair that carries the media: our socket and the peer's address.
    package var selectedPair: (base: TransportAddress, destination: TransportAddress)? { path }

    /// The best knowledge of the round trip to the peer.
    package var roundTripTime: Duration? { reportedRoundTrip ?? checkedRoundTrip }

    /// - Returns: whether the connection had been given up for the moment.
    @discardableResult
    func noteTraffic(from source: TransportAddress, now: Instant) -> Bool {
        let wasDisconnected = ice.state == .disconnected
        ice.noteTraffic(from: source, now: now)
        if wasDisconnected { settle(now: now) }
        return wasDisconnected
    }

    func receiveDTLS(_ datagram: UnsafeRawBufferPointer, now: Instant) {
        switch dtlsPhase {
        case .started, .connected:
            // SAFETY: the span is used only during the call, for which the caller keeps the buffer.
            unsafe dtls.receive(datagram.bytes, now: now)
        case .waiting:
            // The peer may be connected before we know it; its first flight would cost a second to repeat.
            if earlyDatagrams.count < Self.maximumEarlyDatagrams { earlyDatagrams.append(Array(datagram)) }
        case .failed: break
        }
    }

    /// Moves outputs along until everything is at rest.
    func drain(now: Instant) {
        checkedRoundTrip = ice.roundTripTime
        var isMoving = true
        while isMoving, !isClosed {
            isMoving = false
            while let output = ice.poll() {
                isMoving = true
                handle(output, now: now)
            }
            if dtlsPhase == .waiting { startDTLS(now: now) }
            if dtlsPhase == .started || dtlsPhase == .connected {
                while let output = dtls.poll() {
                    isMoving = true
                    handle(output, now: now)
                }
            }
            while let output = channels.poll() {
                isMoving = true
                handle(output)
            }
        }
    }

    private func handle(_ output: ICEOutput, now: Instant) {
        switch output {
        case .transmit(let bytes, let base, let destination): transmit(bytes, from: base, to: destination)
        case .stateChanged(let iceState): if iceState == .failed || iceState == .closed { path = nil }
        case .selectedPair(let base, let destination): path = (base, destination)
        }
    }

    func transmit(_ bytes: [UInt8], from base: TransportAddress, to destination: TransportAddress) {
        guard let delegate else { return }
        // SAFETY: the delegate uses the pointer only during the call.
        unsafe bytes.withUnsafeBytes { raw in
            delegate.peerConnection(self, transmit: raw, from: base, to: destination)
        }
    }

    private func startDTLS(now: Instant) {
        guard let dtlsRole, !remoteFingerprints.isEmpty, ice.sendingPair != nil else { return }
        dtlsPhase = .started
        dtls.start(role: dtlsRole, expecting: remoteFingerprints, now: now)
        let early = earlyDatagrams
        earlyDatagrams = []
        for datagram in early { dtls.receive(datagram.span.bytes, now: now) }
    }

    private func handle(_ output: DTLSOutput, now: Instant) {
        switch output {
        case .transmit(let bytes):
            guard let pair = path ?? ice.sendingPair.map({ (base: $0.local, destination: $0.remote) }) else { return }
            transmit(bytes, from: pair.base, to: pair.destination)
        case .connected(let keys):
            srtp = keys.flatMap { factory.makeSRTP($0) }
            guard srtp != nil || transceivers.allSatisfy({ $0.kind != .audio || $0.isRejected }) else {
                dtlsPhase = .failed
                events.append(.transportFailed("no SRTP profile was agreed upon"))
                return
            }
            dtlsPhase = .connected
            armReports(now: now)
            startChannels(now: now)
        case .received(let bytes): channels.receive(bytes.span.bytes, now: now)
        case .closed:
            events.append(.closedByPeer)
            finish()
        case .failed(let reason):
            dtlsPhase = .failed
            srtp = nil
            events.append(.transportFailed(reason))
        }
    }

    /// SCTP begins when DTLS is connected and a section for data was negotiated, whichever comes last.
    func startChannels(now: Instant) {
        guard dtlsPhase == .connected, channels.role == nil, let dtlsRole,
            transceivers.contains(where: { $0.kind == .application && !$0.isRejected && $0.remote != nil })
        else { return }
        channels.start(role: dtlsRole, now: now)
    }

    private func handle(_ output: DataChannelOutput) {
        switch output {
        case .transmit(let packet): dtls.send(packet)
        case .associationConnected: events.append(.dataChannelsConnected)
        case .channelOpened(let id, let label, let isRemote):
            events.append(.channelOpened(id, label: label, isRemote: isRemote))
        case .message(let id, let bytes, let isText): events.append(.channelMessage(id, bytes, isText: isText))
        case .bufferedAmountLow(let id): events.append(.channelBufferedAmountLow(id))
        case .channelClosed(let id): events.append(.channelClosed(id))
        case .associationClosed: break
        }
    }

    /// Derives the state of the whole from its parts.
    func updateState() {
        guard !isClosed else { return }
        let derived: PeerConnectionState
        if dtlsPhase == .failed {
            derived = .failed
        } else {
            switch ice.state {
            case .new: derived = .new
            case .checking: derived = .connecting
            case .connected: derived = dtlsPhase == .connected ? .connected : .connecting
            case .disconnected: derived = .disconnected
            case .failed: derived = .failed
            case .closed: derived = .closed
            }
        }
        if derived != state {
            state = derived
            events.append(.stateChanged(derived))
        }
    }
}
