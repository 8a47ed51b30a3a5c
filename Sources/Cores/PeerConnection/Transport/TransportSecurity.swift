internal import Wire

/// The bundled transport of a connection: finds a path (ICE), agrees upon keys over it (DTLS), tells apart what comes
/// (RFC 7983) and protects what goes (SRTP).
///
/// After every call that mutates, drain `poll`.
final class TransportSecurity {
    /// DTLS datagrams that are kept when they come before we can start the handshake.
    static let maximumEarlyDatagrams = 8
    /// Candidates that the peer may trickle between two changes of its credentials.
    static let maximumTrickledCandidates = 256

    /// Where the DTLS association stands.
    private enum Phase { case waiting, started, connected, failed }

    private var ice: ICEAgent
    private let dtls: any DTLSTransport
    private let factory: any SecureTransportFactory
    private var srtp: (any SRTPTransform)?
    private var phase = Phase.waiting
    private var earlyDatagrams: [[UInt8]] = []
    private var remoteFingerprints: [CertificateFingerprint] = []
    /// Candidates that were read since the credentials changed.
    private(set) var trickledCandidates = 0
    private let preferredRole: DTLSRole
    /// Our role in DTLS, once negotiated.
    private(set) var role: DTLSRole?
    /// The selected pair, kept here so that the media path need not ask for it.
    private(set) var path: (base: TransportAddress, destination: TransportAddress)?
    /// The round trip that ICE measured, kept here so that the media path need not look for it.
    private(set) var roundTripTime: Duration?
    /// Packets are built and protected here; empty while it is taken out.
    private var packetBuffer = TransportSecurity.makePacketBuffer()

    init(
        ice: ICEAgent, dtls: any DTLSTransport, factory: any SecureTransportFactory, preferredRole: DTLSRole
    ) {
        self.ice = ice
        self.dtls = dtls
        self.factory = factory
        self.preferredRole = preferredRole
    }

    // MARK: Descriptions

    /// What our descriptions say of this transport.
    var local: LocalTransport {
        LocalTransport(
            credentials: ice.localCredentials, fingerprint: dtls.localFingerprint,
            candidates: ice.localCandidates.filter { $0.transport != .active }.map(\.text),
            isLite: ice.configuration.isLite)
    }

    /// Takes what the peer's description says of its transport. Nothing is applied when it throws.
    /// - Parameter isFirst: nothing was negotiated before; whoever offers then controls ICE.
    func accept(_ remote: RemoteTransport, isOffer: Bool, isFirst: Bool) throws(NegotiationError) {
        if phase != .waiting, Set(remote.fingerprints).isDisjoint(with: remoteFingerprints) {
            throw .fingerprintChanged
        }
        if role == nil {
            switch remote.setup {
            case .active: role = .server
            case .passive: role = .client
            case .activeOrPassive where isOffer: role = preferredRole
            // RFC 5763 section 5: an offer without the attribute leaves the choice to us; an answer must have chosen.
            case nil where isOffer: role = preferredRole
            case .activeOrPassive, nil: throw .missingTransport
            }
        }
        remoteFingerprints = remote.fingerprints
        if ice.remoteCredentials != remote.credentials { trickledCandidates = 0 }
        if isFirst { ice.setRole(isOffer ? .controlled : .controlling) }
        ice.setRemoteCredentials(remote.credentials, isLite: remote.isLite)
        for candidate in remote.candidates { ice.addRemoteCandidate(candidate) }
    }

    func addLocalCandidate(_ base: TransportAddress) -> Bool { ice.addLocalCandidate(host: base) != nil }

    func addActiveCandidate(isV6: Bool) { ice.addActiveCandidate(isV6: isV6) }

    func addPassiveCandidate(_ base: TransportAddress) -> Bool { ice.addPassiveCandidate(base) }

    func addRelayedCandidate(_ base: TransportAddress, preference: UInt16) -> String? {
        ice.addRelayedCandidate(base, preference: preference)?.text
    }

    func removeLocalCandidate(_ base: TransportAddress, reason: String?, now: Instant) {
        ice.removeLocalCandidate(base, reason: reason, now: now)
    }

    func pathRefused(from base: TransportAddress, to remote: TransportAddress, reason: String, now: Instant) {
        ice.pathRefused(from: base, to: remote, reason: reason, now: now)
    }

    func streamOpened(from base: TransportAddress, to remote: TransportAddress, now: Instant) {
        ice.streamOpened(from: base, to: remote, now: now)
    }

    func streamClosed(from base: TransportAddress, to remote: TransportAddress, reason: String, now: Instant) {
        ice.streamClosed(from: base, to: remote, reason: reason, now: now)
    }

    /// How data goes at the moment.
    var pathKind: ICEPathReport.Kind? { ice.selectedKind }

    /// Our address from which data goes, once ICE has chosen for good: no other is needed.
    var settledBase: TransportAddress? { ice.isCompleted ? path?.base : nil }

    /// What was tried, and how it went.
    var pathReport: [ICEPathReport] { ice.report }

    /// Takes one trickled candidate. A generation has a limit, beyond which they are not even read.
    func addRemoteCandidate(_ text: String) -> Bool {
        guard trickledCandidates < Self.maximumTrickledCandidates else { return false }
        trickledCandidates += 1
        return ICECandidate(trickled: text).map { ice.addRemoteCandidate($0) } ?? false
    }

    /// Where the peer says that it can be reached.
    var announcedAddresses: [TransportAddress] {
        ice.remoteCandidates.filter { $0.kind != .peerReflexive }.map(\.address)
    }

    // MARK: Life

    /// Begins to look for a path once the peer's credentials are known.
    func start(now: Instant) {
        if ice.state == .new, ice.remoteCredentials != nil { ice.start(now: now) }
    }

    /// Fresh ICE credentials for the next offer; the path stays until there is another.
    func restart(now: Instant) {
        trickledCandidates = 0
        ice.restart(now: now)
    }

    /// When `handleTimeout` wants to be called; nil when nothing is due.
    var nextDeadline: Instant? { Instant.earliest(ice.nextDeadline, dtls.nextDeadline) }

    func handleTimeout(now: Instant) {
        if let deadline = ice.nextDeadline, deadline <= now { ice.handleTimeout(now: now) }
        if let deadline = dtls.nextDeadline, deadline <= now { dtls.handleTimeout(now: now) }
    }

    /// Says close_notify; `poll` has it.
    func sayGoodbye() { dtls.close() }

    /// Lets go of everything; nothing is sent any more.
    func close() {
        ice.close()
        while ice.poll() != nil {}
        path = nil
        srtp = nil
    }

    /// DTLS is of no use any more.
    func fail() {
        phase = .failed
        srtp = nil
    }

    /// How the connection is doing as far as the transport tells.
    var state: PeerConnectionState {
        if phase == .failed { return .failed }
        return switch ice.state {
        case .new: .new
        case .checking: .connecting
        case .connected: phase == .connected ? .connected : .connecting
        case .disconnected: .disconnected
        case .failed: .failed
        case .closed: .closed
        }
    }

    var iceState: ICEState { ice.state }
    var localUsernameFragment: String { ice.localCredentials.usernameFragment }
    var isConnected: Bool { phase == .connected }
    /// Media can be protected and there is a way for it.
    var canSendMedia: Bool { srtp != nil && path != nil }
    var protectsMedia: Bool { srtp != nil }

    /// The next thing to do or to know; nil when drained.
    func poll(now: Instant) -> TransportOutput? {
        while true {
            if let output = ice.poll() {
                switch output {
                case .transmit(let bytes, let base, let destination):
                    return .transmit(bytes, from: base, to: destination)
                case .openStream(let base, let destination): return .openStream(from: base, to: destination)
                case .closeStream(let base, let destination): return .closeStream(from: base, to: destination)
                case .relayWanted(let isV6): return .relayWanted(isV6: isV6)
                case .stateChanged(let state): if state == .failed || state == .closed { path = nil }
                case .selectedPair(let base, let destination): path = (base, destination)
                }
                continue
            }
            roundTripTime = ice.roundTripTime
            if phase == .waiting { startDTLS(now: now) }
            guard phase != .waiting, let output = dtls.poll() else { return nil }
            switch output {
            case .transmit(let bytes):
                guard let pair = path ?? ice.sendingPair.map({ (base: $0.local, destination: $0.remote) }) else {
                    continue
                }
                return .transmit(bytes, from: pair.base, to: pair.destination)
            // After a failure only the alert still goes out.
            case _ where phase == .failed: continue
            case .connected(let keys):
                srtp = keys.flatMap { factory.makeSRTP($0) }
                phase = .connected
                return .connected(protectsMedia: srtp != nil)
            case .received(let bytes): return .received(bytes)
            case .closed: return .closedByPeer
            case .failed(let reason):
                fail()
                return .failed(reason)
            }
        }
    }

    private func startDTLS(now: Instant) {
        guard let role, !remoteFingerprints.isEmpty, ice.sendingPair != nil else { return }
        phase = .started
        dtls.start(role: role, expecting: remoteFingerprints, now: now)
        let early = earlyDatagrams
        earlyDatagrams = []
        for datagram in early { dtls.receive(datagram.span.bytes, now: now) }
    }

    // MARK: Datagrams

    /// Takes one datagram that came from `source` to our socket `base`, and tells what it was. Media is decrypted in
    /// place.
    func receive(
        _ datagram: inout MutableRawSpan, from source: TransportAddress, on base: TransportAddress,
        now: Instant
    ) -> ReceivedDatagram {
        let count = datagram.byteCount
        switch PacketKind.classify(datagram.bytes) {
        case .rtp:
            ice.noteTraffic(from: source, now: now)
            guard let srtp, let length = srtp.unprotectRTP(&datagram, length: count), length <= count
            else { return .rejected }
            return .rtp(length: length)
        case .rtcp:
            ice.noteTraffic(from: source, now: now)
            guard let srtp, let length = srtp.unprotectRTCP(&datagram, length: count), length <= count
            else { return .rejected }
            return .rtcp(length: length)
        case .stun:
            ice.receive(datagram.bytes, from: source, on: base, now: now)
            return .taken
        case .dtls:
            ice.noteTraffic(from: source, now: now)
            receiveDTLS(datagram.bytes, now: now)
            return .taken
        case .unknown: return .unknown
        }
    }

    private func receiveDTLS(_ datagram: RawSpan, now: Instant) {
        switch phase {
        case .started, .connected: dtls.receive(datagram, now: now)
        case .waiting:
            // The peer may be connected before we know it; its first flight would cost a second to repeat.
            if earlyDatagrams.count < Self.maximumEarlyDatagrams {
                earlyDatagrams.append([UInt8](copying: datagram))
            }
        case .failed: break
        }
    }

    /// Sends one application datagram; dropped unless DTLS is connected.
    func send(_ datagram: [UInt8]) { dtls.send(datagram) }

    private static func makePacketBuffer() -> [UInt8] {
        [UInt8](repeating: 0, count: PeerConnection.maximumPacketSize + srtpOverhead)
    }

    /// Takes out the buffer in which an RTP packet is written and protected. Whoever is told of that packet may send
    /// another one meanwhile, in a buffer of its own.
    func takePacketBuffer() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &packetBuffer)
        return taken.isEmpty ? Self.makePacketBuffer() : taken
    }

    /// Keeps the buffer for the next packet.
    func putBack(_ buffer: [UInt8]) { packetBuffer = buffer }

    /// Protects the RTP packet in the first `length` bytes; returns its new length.
    func protectRTP(_ packet: inout MutableRawSpan, length: Int) -> Int? {
        guard length <= PeerConnection.maximumPacketSize, let srtp,
            let protected = srtp.protectRTP(&packet, length: length), protected <= packet.byteCount
        else { return nil }
        return protected
    }

    /// Protects a compound RTCP packet.
    func protectRTCP(_ compound: [UInt8]) -> [UInt8]? {
        guard let srtp, compound.count <= PeerConnection.maximumPacketSize else { return nil }
        var packet = compound + [UInt8](repeating: 0, count: srtpOverhead)
        let length = packet.withMutableBytes { srtp.protectRTCP(&$0, length: compound.count) }
        guard let length, length <= packet.count else { return nil }
        packet.removeSubrange(length...)
        return packet
    }
}
