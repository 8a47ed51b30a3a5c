package import Wire

/// One WebRTC peer connection as a sans-I/O object: ICE, DTLS, SRTP, RTP with RTCP, and data channels over one
/// bundled transport. It serves both ends: a participant, and the server that it talks to.
///
/// Datagrams and the time go in; datagrams, sound and events come out through the delegate, synchronously. After
/// every call the owner re-arms its timer for `nextDeadline`. Nothing inside reads a clock.
///
/// Negotiation follows JSEP (RFC 8829) as far as append-only sections need it: BUNDLE always, rtcp-mux always, no
/// roll-back. Sections are named by their index, which never changes. Whoever offers first controls ICE.
///
///     offerer:   addAudioSection / addDataSection → createOffer → acceptAnswer
///     answerer:  acceptOffer → setLocalTrack on sections that are free → createAnswer
package final class PeerConnection {
    /// Sections in one connection.
    package static let maximumSections = 200
    /// Sources that are received at a time, announced ones and others.
    package static let maximumReceivers = 256
    /// Sources of former tracks that are remembered, so that a late packet is not taken for a new track's.
    static let maximumRetiredSources = 64
    /// DTLS datagrams that came before we could start the handshake.
    static let maximumEarlyDatagrams = 8
    /// Bytes of the largest RTP packet that we send, without SRTP's addition.
    package static let maximumPacketSize = 1400

    package let configuration: PeerConnectionConfiguration
    package weak var delegate: (any PeerConnectionDelegate)?
    /// How the connection as a whole is doing.
    package internal(set) var state = PeerConnectionState.new
    /// Counters over all sections.
    package internal(set) var statistics = PeerConnectionStatistics()

    // Transport
    var ice: ICEAgent
    let dtls: any DTLSTransport
    let factory: any SecureTransportFactory
    var srtp: (any SRTPTransform)?
    let channels: DataChannelMux
    /// The selected pair, kept here so that the media path need not ask for it.
    var path: (base: TransportAddress, destination: TransportAddress)?
    /// Our role in DTLS, once negotiated.
    package internal(set) var dtlsRole: DTLSRole?
    var remoteFingerprints: [CertificateFingerprint] = []
    var dtlsPhase = DTLSPhase.waiting
    var earlyDatagrams: [[UInt8]] = []
    var isClosed = false

    // Negotiation
    var transceivers: [Transceiver] = []
    var phase = NegotiationPhase.stable
    /// How many sections the latest offer of ours has.
    var offeredSections = 0
    var hasNegotiated = false
    let sessionID: UInt64
    var sessionVersion: UInt64 = 0
    let cname: String

    // Media
    var receiversBySource: [UInt32: RTPReceiver] = [:]
    var sendersBySource: [UInt32: Transceiver] = [:]
    var retiredSources: [UInt32] = []
    /// Our own source number in reports when we send nothing.
    let reporterSource: UInt32
    var reportDeadline: Instant?
    /// The round trip that reports about our streams showed last.
    var reportedRoundTrip: Duration?
    /// Percent of our packets that the peer says it lost lately: rises with a report at once, falls over a few.
    package internal(set) var reportedLossPercent = 0
    /// The round trip that ICE measured, kept here so that the media path need not look for it.
    var checkedRoundTrip: Duration?
    /// Packets are built and protected here.
    let sendBuffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: PeerConnection.maximumPacketSize + srtpOverhead, alignment: 16)

    var random: any RandomNumberGenerator
    var events: [PeerConnectionEvent] = []
    private var isDelivering = false

    /// Where the DTLS association stands.
    enum DTLSPhase { case waiting, started, connected, failed }
    /// Whose turn it is.
    enum NegotiationPhase { case stable, haveLocalOffer, haveRemoteOffer }

    /// - Parameter random: credentials, source numbers and sequence numbers come from it; cryptographically secure
    ///   outside tests.
    package init(
        configuration: PeerConnectionConfiguration, factory: any SecureTransportFactory,
        authentication: MessageAuthentication, random: any RandomNumberGenerator
    ) {
        var random = random
        self.configuration = configuration
        self.factory = factory
        dtls = factory.makeDTLS()
        channels = DataChannelMux(configuration: configuration.dataChannels, random: &random)
        sessionID = random.next() >> 2
        reporterSource = random.next()
        cname = configuration.cname.isEmpty ? String(random.next(), radix: 36) : configuration.cname
        ice = ICEAgent(configuration: configuration.ice, authentication: authentication, random: random)
        // A seeded generator is a value: move on, so that the agent's numbers are not ours as well.
        for _ in 0..<64 { _ = random.next() }
        self.random = random
    }

    deinit { sendBuffer.deallocate() }

    // MARK: Time and datagrams

    /// Whether the last datagram may have brought `nextDeadline` closer. Media that comes in order does not, and to ask
    /// again after each packet costs as much as the packet's own way.
    package private(set) var movesDeadline = false

    /// When `handleTimeout` wants to be called; nil when nothing is due. Ask again after every call.
    package var nextDeadline: Instant? {
        guard !isClosed else { return nil }
        var earliest = Instant.earliest(ice.nextDeadline, dtls.nextDeadline)
        earliest = Instant.earliest(earliest, channels.nextDeadline)
        earliest = Instant.earliest(earliest, reportDeadline)
        for (_, receiver) in receiversBySource { earliest = Instant.earliest(earliest, receiver.nextDeadline) }
        return earliest
    }

    /// Does what is due. At other times it does no harm.
    package func handleTimeout(now: Instant) {
        guard !isClosed else { return }
        if let deadline = ice.nextDeadline, deadline <= now { ice.handleTimeout(now: now) }
        if let deadline = dtls.nextDeadline, deadline <= now { dtls.handleTimeout(now: now) }
        if let deadline = channels.nextDeadline, deadline <= now { channels.handleTimeout(now: now) }
        handleMediaTimeouts(now: now)
        settle(now: now)
    }

    /// Takes one datagram that came from `source` to our socket `base`. Media is decrypted in place.
    package func receive(
        _ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, on base: TransportAddress,
        now: Instant
    ) {
        guard !isClosed, datagram.count >= 2 else { return }
        movesDeadline = true
        switch PacketKind.classify(datagram[0], datagram[1]) {
        case .rtp:
            let isRevived = noteTraffic(from: source, now: now)
            let hasGap = receiveRTP(datagram, now: now)
            if events.isEmpty { movesDeadline = isRevived || hasGap } else { settle(now: now) }
            return
        case .rtcp:
            noteTraffic(from: source, now: now)
            receiveRTCP(datagram, now: now)
        case .stun:
            // SAFETY: the span is used only during the call, for which the caller keeps the buffer.
            unsafe ice.receive(UnsafeRawBufferPointer(datagram).bytes, from: source, on: base, now: now)
        case .dtls:
            noteTraffic(from: source, now: now)
            receiveDTLS(UnsafeRawBufferPointer(datagram), now: now)
        case .unknown: statistics.packetsIgnored += 1
        }
        settle(now: now)
    }

    /// Ends the connection: says goodbye for our sources, aborts SCTP, sends close_notify. Later calls do nothing.
    package func close(now: Instant) {
        guard !isClosed else { return }
        sendGoodbye(for: Array(sendersBySource.keys), now: now)
        channels.abort(now: now)
        drain(now: now)
        dtls.close()
        while let output = dtls.poll() {
            if case .transmit(let bytes) = output, let path { transmit(bytes, from: path.base, to: path.destination) }
        }
        finish()
        deliver()
    }

    /// Lets go of everything; nothing is sent any more.
    func finish() {
        guard !isClosed else { return }
        isClosed = true
        ice.close()
        while ice.poll() != nil {}
        path = nil
        srtp = nil
        for (_, receiver) in receiversBySource { receiver.isRetired = true }
        receiversBySource = [:]
        sendersBySource = [:]
        if state != .closed {
            state = .closed
            events.append(.stateChanged(.closed))
        }
    }

    // MARK: Events

    /// Puts out all that is to be sent, brings the state up to date, and delivers events.
    func settle(now: Instant) {
        drain(now: now)
        updateState()
        deliver()
    }

    /// Hands events to the delegate in order. What it causes by calling us is appended and delivered here, too.
    private func deliver() {
        guard !isDelivering else { return }
        isDelivering = true
        var index = 0
        while index < events.count {
            let event = events[index]
            index += 1
            delegate?.peerConnection(self, event: event)
        }
        events.removeAll(keepingCapacity: true)
        isDelivering = false
    }
}

/// Counters of a peer connection.
package struct PeerConnectionStatistics: Hashable, Sendable {
    package internal(set) var packetsSent = 0
    /// RTP payload bytes.
    package internal(set) var octetsSent = 0
    package internal(set) var packetsReceived = 0
    package internal(set) var octetsReceived = 0
    /// Packets sent again because the peer asked.
    package internal(set) var packetsResent = 0
    /// Packets that we asked to be sent again.
    package internal(set) var packetsRequested = 0
    /// Forgeries, repeats, and packets that came before there were keys.
    package internal(set) var packetsRejected = 0
    /// Packets of no known section or of no known kind.
    package internal(set) var packetsIgnored = 0

    package init() {}
}
