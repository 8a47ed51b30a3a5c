internal import EventLoops
internal import Observability
internal import PeerConnection
internal import Signalling
internal import Wire

/// Our one published track. An object, since each packet looks at it.
final class Microphone {
    let cid: String
    let options: MicrophoneOptions
    /// From the server, once it has taken the track.
    var sid: String?
    /// Where it is sent; nil before there is a session.
    var section: Int?
    var info: TrackInfo?
    var isMuted: Bool

    init(cid: String, options: MicrophoneOptions) {
        self.cid = cid
        self.options = options
        isMuted = options.startsMuted
    }
}

/// Stands between the transports and the session, which needs them to be made.
final class TransportRelay: MediaTransportDelegate {
    weak var session: MediaSession?

    func transport(_ transport: MediaTransport, event: PeerConnectionEvent) {
        session?.transport(transport, event: event)
    }
}

/// What a media session tells its participant.
protocol MediaSessionDelegate: AnyObject {
    func sessionChanged(_ session: MediaSession)
    func sessionFailed(_ session: MediaSession, _ reason: ReconnectReason, _ error: ParticipantError, mayResume: Bool)
    func session(_ session: MediaSession, received bytes: [UInt8])
    /// What is known of a track of somebody else.
    func session(_ session: MediaSession, publicationOf sid: String) -> (
        track: TrackInfo, participant: ParticipantInfo
    )?
    func session(_ session: MediaSession, subscribed track: SubscribedTrack)
    func session(_ session: MediaSession, unsubscribed track: SubscribedTrack)
}

/// The peer connections of one session: one over `/rtc/v1`, two over `/rtc`; which section carries which track, and the
/// data channels.
final class MediaSession {
    /// Bytes that may wait on the reliable channel.
    static let maximumBufferedBytes = 2 << 20
    /// How long the server's word may take after it has closed the connection. It says why on the signalling
    /// connection, and the two arrive in any order: who came back too soon would throw out whoever took his place.
    static let leaveGrace = Duration.milliseconds(500)

    /// The one that we offer on.
    let publisher: MediaTransport
    /// The one that the server offers on, over `/rtc`.
    let subscriber: MediaTransport?
    let mayResume: Bool
    let pingInterval: Int32
    let pingTimeout: Int32
    private let isSubscriberPrimary: Bool
    private let log: Log
    /// The transports hold it weakly.
    private let relay: TransportRelay
    private weak var delegate: (any MediaSessionDelegate)?

    // Negotiation on the publisher
    private var lastOfferID: UInt32 = 0
    var outstandingOffer: UInt32?
    var needsOffer = false
    /// An ICE restart shall be part of the next offer.
    var needsICERestart = false
    /// The offer that is out restarts ICE.
    var isRestarting = false
    /// Goes off when an offer is not answered.
    private(set) lazy var offerTimer = LoopTimer(loop: loop) { [weak self] in self?.offerTimedOut() }
    private let loop: EventLoop
    /// The last descriptions on each connection, for the server's eyes after a resume.
    var lastOffer: SignalDescription?
    var lastAnswer: SignalDescription?
    var subscriberOffer: SignalDescription?
    var subscriberAnswer: SignalDescription?
    /// The microphone was announced and has its section.
    var hasMicrophone = false

    // Tracks that we receive, by section of the receiving connection
    private var sidByMID: [String: String] = [:]
    private var tracks: [Int: SubscribedTrack] = [:]
    /// Sections with media whose publication is not known yet.
    private var unannounced: [Int: String] = [:]

    // Data channels
    private var reliable: DataChannelID?
    private var lossy: DataChannelID?
    private var isClosed = false
    private var closure: LoopTimer?

    init(
        loop: EventLoop, publisher: MediaTransport, subscriber: MediaTransport?, join: JoinResponse, log: Log,
        relay: TransportRelay, delegate: any MediaSessionDelegate
    ) {
        self.loop = loop
        self.relay = relay
        self.publisher = publisher
        self.subscriber = subscriber
        self.log = log
        self.delegate = delegate
        isSubscriberPrimary = subscriber != nil && join.subscriberPrimary
        mayResume = join.clientConfiguration?.resumeConnection != .disabled
        pingInterval = join.pingInterval
        pingTimeout = join.pingTimeout
        relay.session = self
    }

    /// Where media comes in.
    private var receiver: MediaTransport { subscriber ?? publisher }

    /// The server counts us as active by this one.
    private var primary: MediaTransport { isSubscriberPrimary ? receiver : publisher }

    /// Whether media can flow: all connections are up, and an ICE restart, if there was one, has been answered.
    var isReady: Bool {
        lastAnswer != nil && !needsICERestart && !isRestarting && isConnected
    }

    /// Whether all connections are up.
    var isConnected: Bool {
        primary.connection.state == .connected && publisher.connection.state == .connected
    }

    func makeOfferID() -> UInt32 {
        lastOfferID += 1
        outstandingOffer = lastOfferID
        return lastOfferID
    }

    /// After a resume no answer will come to what was offered before; another offer must follow.
    func forgetOffer() {
        outstandingOffer = nil
        isRestarting = false
        offerTimer.cancel()
    }

    private func offerTimedOut() {
        let error = ParticipantError(.mediaUnreachable, "an offer was not answered")
        delegate?.sessionFailed(self, .publisherFailed, error, mayResume: false)
    }

    /// Ends all tracks in the delegate's eyes, then the connections. The delegate hears nothing more.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        for section in tracks.keys.sorted() { removed(section: section) }
        delegate = nil
        offerTimer.cancel()
        closure?.cancel()
        publisher.close()
        subscriber?.close()
    }

    // MARK: Data channels

    /// Opens our channels; they come about with the first offer.
    func openChannels() {
        publisher.with { connection, now in
            reliable = try? connection.openChannel(label: "_reliable", now: now)
            lossy = try? connection.openChannel(
                label: "_lossy",
                reliability: DataChannelReliability(isOrdered: false, effort: .maximumRetransmissions(0)), now: now)
        }
    }

    /// Bytes that wait on the reliable channel.
    var bufferedBytes: Int { reliable.map { publisher.connection.bufferedAmount($0) } ?? 0 }

    /// The largest packet that the server takes.
    var maximumPacketBytes: Int {
        let announced = publisher.connection.maximumMessageSize
        return announced > 0 ? min(announced, 64_000) : 64_000
    }

    /// Sends one serialized packet; false when there is no channel for it.
    @discardableResult
    func send(_ bytes: [UInt8], isReliable: Bool) -> Bool {
        guard let channel = isReliable ? reliable : lossy, !isClosed else { return false }
        return publisher.with { connection, now in
            do {
                try connection.send(bytes, on: channel, now: now)
                return true
            } catch {
                log.warning("data packet not sent", ["error": "\(error)", "bytes": bytes.count])
                return false
            }
        }
    }

    /// For `SyncState`: our open channels with their stream numbers.
    var channelInformation: [DataChannelInfo] {
        [lossy, reliable].compactMap { channel in
            guard let channel, let known = publisher.connection.channelInformation(channel), let stream = known.stream
            else { return nil }
            return .with {
                $0.label = known.label
                $0.id = UInt32(stream)
                $0.target = .publisher
            }
        }
    }

    // MARK: Tracks

    /// Which sid the section with a mid carries, from an answer or an offer of the server.
    func take(_ midToTrackID: [String: String]) { sidByMID = midToTrackID }

    private func sid(of track: RemoteTrack) -> String? {
        if let sid = sidByMID[track.mid] { return sid }
        // Two connections: the track's own name, or what follows the bar in the stream's.
        guard subscriber != nil else { return nil }
        if track.trackID.hasPrefix("TR_") { return track.trackID }
        guard let bar = track.streamID.firstIndex(of: "|") else { return nil }
        let behind = track.streamID[track.streamID.index(after: bar)...]
        return behind.hasPrefix("TR_") ? String(behind) : nil
    }

    private func added(_ track: RemoteTrack) {
        guard let sid = sid(of: track) else {
            return log.debug("media of an unknown track", ["mid": track.mid])
        }
        if let known = tracks[track.section], known.sid == sid { return }
        removed(section: track.section)
        unannounced[track.section] = sid
        announceTracks()
    }

    private func removed(section: Int) {
        unannounced[section] = nil
        guard let gone = tracks.removeValue(forKey: section) else { return }
        gone.end()
        delegate?.session(self, unsubscribed: gone)
    }

    /// Announces tracks whose publication has become known.
    func announceTracks() {
        guard !unannounced.isEmpty else { return }
        for (section, sid) in unannounced.sorted(by: { $0.key < $1.key }) {
            guard let (info, participant) = delegate?.session(self, publicationOf: sid) else { continue }
            unannounced[section] = nil
            let track = SubscribedTrack(
                sid: sid, participantIdentity: participant.identity, info: info, connection: receiver.connection,
                section: section)
            tracks[section] = track
            delegate?.session(self, subscribed: track)
        }
    }

    /// A publication ended; its section will follow, but nothing more is heard of it.
    func unpublished(sid: String) {
        for (section, track) in tracks where track.sid == sid { removed(section: section) }
        unannounced = unannounced.filter { $0.value != sid }
    }

    /// After a negotiation: sections whose track is another by the server's map, though their media did not change.
    func refreshTracks() {
        for section in receiver.connection.sections {
            if let track = section.remoteTrack { added(track) }
        }
    }

    // MARK: What the transports bring

    func transport(_ transport: MediaTransport, event: PeerConnectionEvent) {
        guard !isClosed else { return }
        switch event {
        case .stateChanged(let state):
            log.debug("peer connection", ["target": transport.target.name, "state": "\(state)"])
            switch state {
            case .connected: delegate?.sessionChanged(self)
            case .disconnected, .failed:
                let reason: ReconnectReason = transport === publisher ? .publisherFailed : .subscriberFailed
                delegate?.sessionFailed(self, reason, ParticipantError(.mediaUnreachable), mayResume: true)
            case .new, .connecting, .closed: break
            }
        case .trackAdded(let track): if transport === receiver { added(track) }
        case .trackRemoved(let track): if transport === receiver { removed(section: track.section) }
        case .channelMessage(_, let bytes, let isText):
            // LiveKit's packets are binary; text on these channels is nobody's.
            if !isText { delegate?.session(self, received: bytes) }
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
        closure = LoopTimer(loop: loop) { [weak self] in
            guard let self else { return }
            delegate?.sessionFailed(self, .publisherFailed, error, mayResume: mayResume)
        }
        closure?.arm(after: Self.leaveGrace)
    }
}
