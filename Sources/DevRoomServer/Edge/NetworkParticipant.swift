internal import EventLoops
internal import Observability
internal import PeerConnection
internal import Signalling
internal import Wire

/// A member of a room that is connected over the network: its signalling connection and its peer connections.
final class NetworkParticipant {
    /// How long a participant whose media path failed may take to resume.
    static let resumeTimeout: Duration = .seconds(5)
    /// How long peer connections outlive the `leave`, so that a client reads it before its media stops.
    static let peerCloseDelay: Duration = .milliseconds(500)
    /// Bytes of data kept until the client's channels are open.
    static let maximumWaitingBytes = 1 << 20
    /// Lossy messages are dropped while more bytes than this wait.
    static let maximumLossyBacklog = 64 << 10

    let sid: String
    let identity: String
    let transport: ParticipantRecord.Transport
    let environment: ServerEnvironment
    unowned let host: RoomHost
    let log: Log
    var session: SignalSession?
    private var peerCloseTimer: LoopTimer?
    private var resumeTimer: LoopTimer?
    private var refreshTimer: LoopTimer?
    private var tokens: TokenRefresher
    private var qualityMeter = ConnectionQualityMeter()
    private(set) var hasEnded = false
    /// The media path was up at least once.
    private(set) var hasConnected = false

    // Media
    /// The client offers on it. With one peer connection it is the only one.
    let publisher: ServerPeer
    /// The server offers on it; nil with one peer connection.
    let subscriber: ServerPeer?
    /// Media that the client waits for goes over this one.
    let isSubscriberPrimary: Bool
    /// Published tracks by section of the publisher's connection.
    var published: [Int: ForwardedTrack] = [:]
    /// What the client newly announced, to be looked at when its offer is answered.
    var announced: [RemoteTrack] = []
    var downtracks: [Downtrack] = []
    /// Tracks that a section carried before: SDKs do not notice one that comes back to the same place.
    var usedSections: [Int: Set<String>] = [:]
    /// Sections that the client was asked to add, and has not offered yet.
    var requestedSections = 0
    var needsNegotiation = false
    var isOfferOutstanding = false
    var offerNumber: UInt32 = 0
    var negotiation: EndOfIteration?

    // Data
    var channels: [String: DataChannelID] = [:]
    var waitingData: [(packet: [UInt8], isReliable: Bool)] = []
    var waitingBytes = 0

    init(
        sid: String, request: ParticipantJoin, host: RoomHost, environment: ServerEnvironment, session: SignalSession,
        tokens: TokenRefresher
    ) {
        self.sid = sid
        identity = request.identity
        transport = request.transport
        self.host = host
        self.environment = environment
        self.session = session
        self.tokens = tokens
        isSubscriberPrimary =
            request.transport == .twoPeerConnections && request.client.protocolVersion > 2
            && request.permission.canSubscribe
        log = host.log.with(["identity": request.identity])
        publisher = ServerPeer(environment)
        subscriber = request.transport == .twoPeerConnections ? ServerPeer(environment) : nil
        session.owner = self
        publisher.owner = self
        subscriber?.owner = self
        negotiation = EndOfIteration(loop: environment.loop) { [unowned self] in negotiateIfNeeded() }
        resumeTimer = LoopTimer(loop: environment.loop) { [unowned self] in resumeTimedOut() }
        refreshTimer = LoopTimer(loop: environment.loop) { [unowned self] in refreshToken() }
        refreshTimer?.arm(after: TokenRefresher.interval)
    }

    var now: Instant { environment.loop.now }

    /// The peer connection whose state is the participant's.
    var primary: ServerPeer { isSubscriberPrimary ? subscriber ?? publisher : publisher }

    /// Sends what follows the join response: a token for reconnecting, and in the old mode the first offer.
    func begin() {
        refreshToken()
        guard isSubscriberPrimary, let subscriber else { return }
        _ = subscriber.connection.addDataSection()
        openChannels(on: subscriber)
        needsNegotiation = true
        negotiateIfNeeded()
    }

    private func refreshToken() {
        guard !hasEnded else { return }
        session?.send(.refreshToken(tokens.mint(now: environment.time.unixSeconds)))
        refreshTimer?.arm(after: TokenRefresher.interval)
    }

    // MARK: Coming back

    /// The client has a new signalling connection and keeps everything else.
    func resume(_ newSession: SignalSession) {
        session?.close()
        session = newSession
        newSession.owner = self
        log.info("participant resumes")
        host.perform { $0.resume(sid) }
        if primary.connection.state == .connected { resumeTimer?.cancel() }
        if let subscriber, isSubscriberPrimary {
            isOfferOutstanding = false
            offer(on: subscriber, iceRestart: true)
        } else {
            needsNegotiation = needsNegotiation || downtracks.contains { !$0.isEstablished }
            requestedSections = 0
            negotiation?.request()
        }
        refreshToken()
    }

    private func resumeTimedOut() {
        guard !hasEnded, primary.connection.state != .connected else { return }
        host.perform { $0.disconnect(sid, .connectionTimeout, host.time) }
    }

    // MARK: The state of the media path

    private func stateChanged(_ peer: ServerPeer, _ state: PeerConnectionState) {
        log.debug("peer connection changed", ["state": "\(state)"])
        switch state {
        case .connected where peer === primary:
            hasConnected = true
            resumeTimer?.cancel()
            host.perform { $0.activate(sid, host.time) }
        case .failed, .closed:
            // A client that closes its connection says so by signalling, at the same time or a little later.
            guard resumeTimer?.isArmed == false else { return }
            if state == .failed {
                session?.send(
                    .leave(
                        .with {
                            $0.canReconnect = true
                            $0.reason = .connectionTimeout
                            $0.action = .resume
                        }))
                session?.close()
                session = nil
            }
            resumeTimer?.arm(after: Self.resumeTimeout)
        case .new, .connecting, .connected, .disconnected: break
        }
    }
}

extension NetworkParticipant: MemberConnection {
    func send(_ message: SignalResponse.Message) { session?.send(message) }

    func renewToken(_ info: ParticipantInfo) {
        tokens.follow(info)
        refreshToken()
    }

    func takeQuality() -> ConnectionQuality? {
        guard hasConnected else { return nil }
        let connection = publisher.connection
        let lost = published.keys.reduce(Int64(0)) { sum, section in
            sum + (connection.receptionStatistics(of: section)?.lost ?? 0)
        }
        return qualityMeter.update(
            received: Int64(connection.statistics.packetsReceived), lost: lost,
            isConnected: primary.connection.state == .connected)
    }

    func end(_ reason: DisconnectReason) {
        guard !hasEnded else { return }
        hasEnded = true
        session?.close()
        session = nil
        resumeTimer?.cancel()
        refreshTimer?.cancel()
        negotiation?.cancel()
        for downtrack in downtracks { downtrack.track.detach(sid) }
        downtracks = []
        published = [:]
        // The timer keeps the participant until its connections are closed.
        peerCloseTimer = LoopTimer(loop: environment.loop) { [self] in closePeers() }
        peerCloseTimer?.arm(after: Self.peerCloseDelay)
    }

    /// Closes the peer connections at once.
    func closePeers() {
        publisher.close()
        subscriber?.close()
        peerCloseTimer = nil
    }
}

extension NetworkParticipant: ServerPeerOwner {
    func peer(_ peer: ServerPeer, event: PeerConnectionEvent) {
        guard !hasEnded else { return }
        switch event {
        case .stateChanged(let state): stateChanged(peer, state)
        case .trackAdded(let track): if peer === publisher { announced.append(track) }
        case .trackRemoved(let track):
            guard peer === publisher else { return }
            announced.removeAll { $0.section == track.section }
            if let forwarded = published.removeValue(forKey: track.section) {
                host.trackEnded(sid, track: forwarded.sid)
            }
        case .channelOpened(let id, let label, _): channelOpened(id, label: label, on: peer)
        case .channelMessage(let id, let bytes, _):
            guard let label = peer.connection.channelInformation(id)?.label else { return }
            received(bytes, label: label)
        case .channelClosed(let id): channels = channels.filter { $0.value != id }
        case .transportFailed(let reason): log.warning("media transport failed", ["reason": reason])
        case .sourceEnded, .dataChannelsConnected, .channelBufferedAmountLow, .closedByPeer: break
        }
    }

    func peer(_ peer: ServerPeer, received packet: ReceivedRTPPacket) {
        guard peer === publisher else { return }
        published[packet.section]?.forward(packet, now: now)
    }
}
