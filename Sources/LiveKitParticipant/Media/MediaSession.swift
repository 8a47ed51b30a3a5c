internal import EventLoops
internal import Observability
internal import PeerConnection
internal import Signalling
internal import Wire

/// The peer connections of one session, one over `/rtc/v1`, two over `/rtc`, with their negotiation and data channels.
final class MediaSession {
    /// Bytes that may wait on the reliable channel.
    static let maximumBufferedBytes = 2 << 20
    /// How long the server's word may take after it has closed the connection. It says why on the signalling
    /// connection, and the two arrive in any order: who came back too soon would throw out whoever took his place.
    static let leaveGrace = Duration.milliseconds(500)

    /// How long media may take to come up before it is told that it does not.
    static let patienceTime = Duration.seconds(4)

    /// The one that we offer on.
    private let publisher: MediaTransport
    /// The one that the server offers on, over `/rtc`.
    private let subscriber: MediaTransport?
    private let isSubscriberPrimary: Bool
    private let pings: (interval: Int32, timeout: Int32)
    private let offerTimeout: Duration
    private let loop: EventLoop
    private let log: Log
    private weak var delegate: (any MediaSessionDelegate)?
    private var offers = OfferExchange()
    private var offerTimer: LoopTimer?
    /// Runs while media is expected to come up.
    private var patience: LoopTimer?
    private var subscriberDescriptions: (offer: SignalDescription, answer: SignalDescription)?
    private var reliable: DataChannelID?
    private var lossy: DataChannelID?
    private var closure: LoopTimer?
    private var isClosed = false

    /// Opens the sockets.
    /// - Parameters:
    ///   - signal: the connection on which the server has let us in.
    ///   - offerTimeout: how long the answer to an offer may take.
    init(
        loop: EventLoop, join: JoinResponse, signal: SignalConnection, environment: ParticipantEnvironment,
        random: any RandomNumberGenerator, offerTimeout: Duration, log: Log, delegate: any MediaSessionDelegate
    ) throws(ParticipantError) {
        self.loop = loop
        self.log = log
        self.delegate = delegate
        self.offerTimeout = offerTimeout
        pings = (join.pingInterval, join.pingTimeout)
        let isLocal = signal.remoteAddress?.ip.unmapped.isLoopback ?? false
        let turn = (servers: join.iceServers, isForced: join.clientConfiguration?.forceRelay == .enabled)
        func makeTransport(_ target: SignalTarget) throws(ParticipantError) -> MediaTransport {
            try MediaTransport(
                loop: loop, target: target, isLocal: isLocal, turn: turn, environment: environment, random: random)
        }
        let publisher = try makeTransport(.publisher)
        do {
            subscriber = signal.path == .dual ? try makeTransport(.subscriber) : nil
        } catch {
            publisher.close()
            throw error
        }
        self.publisher = publisher
        isSubscriberPrimary = subscriber != nil && join.subscriberPrimary
        publisher.delegate = self
        subscriber?.delegate = self
        offerTimer = LoopTimer(loop: loop) { [weak self] in
            self?.fail(.publisherFailed, ParticipantError(.mediaUnreachable, "an offer was not answered"))
        }
        patience = LoopTimer(loop: loop) { [weak self] in
            guard let self, !isReady else { return }
            tell(.delayed(unreachable))
        }
    }

    /// Where media comes in.
    private var receiver: MediaTransport { subscriber ?? publisher }
    var receivingConnection: PeerConnection { receiver.connection }

    var linkQuality: LinkQuality {
        LinkQuality(sent: publisher.connection.linkQuality.sent, received: receivingConnection.linkQuality.received)
    }

    /// Whether a track that comes names itself; otherwise the server's map of sections does.
    var tracksNameThemselves: Bool { subscriber != nil }

    /// Whether media can flow: all connections are up, and an ICE restart, if there was one, has been answered.
    var isReady: Bool { offers.isComplete && isConnected }

    /// Whether all connections are up.
    var isConnected: Bool {
        let primary = isSubscriberPrimary ? receiver : publisher
        return primary.connection.state == .connected && publisher.connection.state == .connected
    }

    /// When something came last where our media goes.
    var lastArrival: Instant? { publisher.lastArrival }

    /// Where the server says that it takes our media, and where it does.
    var serverAddresses: (announced: [TransportAddress], selected: TransportAddress?) {
        publisher.connection.remoteAddresses
    }

    /// How media goes at the moment; nil when it does not.
    var pathName: String? { publisher.pathName }

    /// That media does not come up, with what was tried.
    var unreachable: ParticipantError {
        guard !publisher.lacksRelays else {
            return ParticipantError(
                .mediaUnreachable, reason: "it wants everything by TURN, and names no TURN server that can be used")
        }
        return ParticipantError(unreachable: publisher.pathReports)
    }

    /// The TURN servers that media may go by.
    var turnServers: [TURNServer] { publisher.turnServers }

    private func tell(_ event: MediaSessionEvent) { delegate?.session(self, event: event) }

    private func fail(_ reason: ReconnectReason, _ error: ParticipantError, mayResume: Bool = false) {
        tell(.failed(reason, error, mayResume: mayResume))
    }

    // MARK: Life

    /// Fills the sections and makes the first offer.
    func start(with microphone: PublishedTrack?) {
        patience?.arm(after: Self.patienceTime)
        publisher.with { connection, now in
            _ = connection.addDataSection()
            reliable = try? connection.openChannel(label: "_reliable", now: now)
            lossy = try? connection.openChannel(
                label: "_lossy",
                reliability: DataChannelReliability(isOrdered: false, effort: .maximumRetransmissions(0)), now: now)
            // A spare receiving section saves a round trip for the first track that we hear.
            if subscriber == nil { _ = connection.addAudioSection(direction: .receiveOnly) }
        }
        if let microphone { publish(microphone) }
        negotiate()
    }

    /// Announces a track and gives it a section.
    func publish(_ track: PublishedTrack) {
        tell(.send(track.announcement))
        publisher.with { connection, _ in track.attach(to: connection) }
    }

    /// The signalling connection is another one: what was offered before will not be answered.
    /// - Parameter servers: those of TURN, with newer credentials; none for those of before.
    func resume(turn servers: [ICEServer]) {
        offers.forget()
        offerTimer?.cancel()
        patience?.arm(after: Self.patienceTime)
        publisher.restart(turn: servers)
        subscriber?.restart(turn: servers)
        negotiate(iceRestart: true)
    }

    func startPings(on signal: SignalConnection) {
        signal.startPings(interval: pings.interval, timeout: pings.timeout)
    }

    /// What the server shall know after a resume; of the connections here, the rest comes from the caller.
    func syncState(
        subscribed: [String], published: [TrackPublishedResponse], received: [DataChannelReceiveState]
    ) -> SyncState {
        .with { state in
            state.answer = subscriber == nil ? offers.lastAnswer : subscriberDescriptions?.answer
            state.offer = subscriber == nil ? offers.lastOffer : subscriberDescriptions?.offer
            state.subscription = .with {
                $0.subscribe = true
                $0.trackSids = subscribed
            }
            state.publishTracks = published
            state.dataChannels = [lossy, reliable].compactMap { channel in
                guard let channel, let known = publisher.connection.channelInformation(channel),
                    let stream = known.stream
                else { return nil }
                return .with {
                    $0.label = known.label
                    $0.id = UInt32(stream)
                    $0.target = .publisher
                }
            }
            state.datachannelReceiveStates = received
        }
    }

    /// Closes the connections. The delegate hears nothing more.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        delegate = nil
        offerTimer?.cancel()
        patience?.cancel()
        closure?.cancel()
        publisher.close()
        subscriber?.close()
    }

    // MARK: Negotiation

    /// Makes an offer now, or as soon as the one that is out has been answered.
    func negotiate(iceRestart: Bool = false) {
        guard let restart = offers.begin(iceRestart: iceRestart) else { return }
        let sdp: String
        do {
            sdp = try publisher.with { connection, now throws(NegotiationError) in
                try connection.createOffer(iceRestart: restart, now: now)
            }
        } catch {
            return fail(.publisherFailed, ParticipantError(.negotiationFailed, "\(error)"))
        }
        offerTimer?.arm(after: offerTimeout)
        tell(.send(.offer(offers.offer(sdp))))
    }

    func accept(answer: SignalDescription) {
        guard offers.accept(answer) else { return log.debug("answer to no offer", ["id": answer.id]) }
        offerTimer?.cancel()
        tell(.trackMap(answer.midToTrackId))
        do {
            try publisher.with { connection, now throws(NegotiationError) in
                try connection.acceptAnswer(answer.sdp, now: now)
            }
        } catch {
            return fail(.publisherFailed, ParticipantError(.negotiationFailed, "\(error)"))
        }
        let needsOffer = offers.finish(answer)
        tellTracks()
        if needsOffer { negotiate() }
        tell(.progressed)
    }

    /// The server offers on the connection for what we receive (`/rtc` only).
    func accept(offer: SignalDescription) {
        guard let subscriber else { return log.warning("unexpected offer") }
        tell(.trackMap(offer.midToTrackId))
        let sdp: String
        do {
            sdp = try subscriber.with { connection, now throws(NegotiationError) in
                try connection.acceptOffer(offer.sdp, now: now)
                return try connection.createAnswer(now: now)
            }
        } catch {
            return fail(.subscriberFailed, ParticipantError(.negotiationFailed, "\(error)"))
        }
        let answer = SignalDescription.with {
            $0.type = "answer"
            $0.sdp = sdp
            $0.id = offer.id
        }
        subscriberDescriptions = (offer, answer)
        tell(.send(.answer(answer)))
        tellTracks()
    }

    /// After a negotiation a section's track may be another by the server's map, though its media did not change.
    private func tellTracks() {
        for section in receiver.connection.sections {
            if let track = section.remoteTrack { tell(.trackAdded(track)) }
        }
    }

    func accept(_ trickle: TrickleRequest) {
        guard let candidate = CandidateInit(json: trickle.candidateInit), !candidate.candidate.isEmpty else { return }
        let transport = trickle.target == .subscriber ? subscriber : publisher
        transport?.with { connection, now in _ = connection.addRemoteCandidate(candidate.candidate, now: now) }
    }

    /// The server lacks sections to send on. Video sections are never added: nothing may fill them.
    func addReceivingSections(_ count: Int) {
        guard subscriber == nil else { return }
        publisher.with { connection, _ in
            for _ in 0..<count { _ = connection.addAudioSection(direction: .receiveOnly) }
        }
        negotiate()
    }

    // MARK: Data channels

    /// Bytes that wait on the reliable channel.
    var bufferedBytes: Int { reliable.map { publisher.connection.bufferedAmount($0) } ?? 0 }

    /// The largest packet that the server takes.
    var maximumPacketBytes: Int {
        let announced = publisher.connection.maximumMessageSize
        return announced > 0 ? min(announced, DataPlane.maximumPacketBytes) : DataPlane.maximumPacketBytes
    }

    /// Sends one serialized packet, if there is a channel for it.
    func send(_ bytes: [UInt8], isReliable: Bool) {
        guard let channel = isReliable ? reliable : lossy, !isClosed else { return }
        publisher.with { connection, now in
            do {
                try connection.send(bytes, on: channel, now: now)
            } catch {
                log.warning("data packet not sent", ["error": "\(error)", "bytes": bytes.count])
            }
        }
    }
}

// MARK: - What the transports bring

extension MediaSession: MediaTransportDelegate {
    func transport(_ transport: MediaTransport, candidate: String) {
        guard !isClosed else { return }
        let target = transport.target
        tell(
            .send(
                .trickle(
                    .with {
                        $0.candidateInit = CandidateInit(candidate: candidate).json
                        $0.target = target
                    })))
    }

    func transport(_ transport: MediaTransport, event: PeerConnectionEvent) {
        guard !isClosed else { return }
        switch event {
        case .stateChanged(let state):
            log.debug("peer connection", ["target": transport.target.name, "state": "\(state)"])
            switch state {
            case .connected:
                log.info(
                    "media path",
                    [
                        "target": transport.target.name, "by": transport.pathName ?? "",
                        "failed": transport.pathReports.filter { $0.failure != nil }.map(\.text)
                            .joined(separator: "; "),
                    ])
                tell(.progressed)
            case .disconnected, .failed:
                let reason: ReconnectReason = transport === publisher ? .publisherFailed : .subscriberFailed
                fail(reason, unreachable, mayResume: true)
            case .new, .connecting, .closed: break
            }
        case .trackAdded(let track): if transport === receiver { tell(.trackAdded(track)) }
        case .trackRemoved(let track): if transport === receiver { tell(.trackRemoved(section: track.section)) }
        case .channelMessage(_, let bytes, let isText):
            // LiveKit's packets are binary; text on these channels is nobody's.
            if !isText { tell(.data(bytes)) }
        case .channelClosed(let channel):
            guard transport === publisher, channel == reliable || channel == lossy else { return }
            closedByServer(ParticipantError(.mediaUnreachable, "a data channel was closed"), mayResume: false)
        case .closedByPeer:
            closedByServer(
                ParticipantError(.mediaUnreachable, "the server closed the peer connection"), mayResume: true)
        case .transportFailed(let reason): log.warning("DTLS failed", ["reason": reason])
        case .sourceEnded, .dataChannelsConnected, .channelOpened, .channelBufferedAmountLow: break
        }
    }

    private func closedByServer(_ error: ParticipantError, mayResume: Bool) {
        // The first sign counts; others follow from it.
        guard closure?.isArmed != true else { return }
        closure = LoopTimer(loop: loop) { [weak self] in self?.fail(.publisherFailed, error, mayResume: mayResume) }
        closure?.arm(after: Self.leaveGrace)
    }
}
