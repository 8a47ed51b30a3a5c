internal import EventLoops
internal import PeerConnection
internal import SecureTransport
internal import Wire

/// The user of a `ServerPeer`.
protocol ServerPeerOwner: AnyObject {
    func peer(_ peer: ServerPeer, event: PeerConnectionEvent)
    /// Borrowed bytes are valid during the call only.
    func peer(_ peer: ServerPeer, received packet: ReceivedRTPPacket)
}

/// The server's end of one peer connection, joined to the sockets and the clock of its loop.
final class ServerPeer {
    /// Silence after which a client counts as disconnected, and as gone (docs/livekit-protocol.md#media).
    static let disconnectedTimeout: Duration = .seconds(10)
    static let failedTimeout: Duration = .seconds(15)
    /// Bytes of the largest data message, as LiveKit announces it.
    static let maximumMessageSize = 65_535

    let connection: PeerConnection
    weak var owner: (any ServerPeerOwner)?
    private let environment: ServerEnvironment
    private var timer: LoopTimer?
    private(set) var isClosed = false

    init(_ environment: ServerEnvironment) {
        self.environment = environment
        var configuration = PeerConnectionConfiguration()
        // Clients reach us directly, so that answering their checks is enough (RFC 8445 section 2.5).
        configuration.ice.isLite = true
        configuration.ice.disconnectedTimeout = Self.disconnectedTimeout
        configuration.ice.consentTimeout = Self.failedTimeout
        configuration.dataChannels.association.maximumReceiveMessageSize = Self.maximumMessageSize
        configuration.receiveMode = .raw
        configuration.acceptsRED = true
        configuration.opusParameters = "minptime=10;useinbandfec=1;usedtx=1"
        connection = PeerConnection(
            configuration: configuration, factory: environment.transport, authentication: .openSSL,
            random: SecureRandom())
        for base in environment.media.bases { connection.addLocalCandidate(base) }
        for base in environment.media.streamBases { connection.addPassiveCandidate(base) }
        connection.delegate = self
        timer = LoopTimer(loop: environment.loop) { [unowned self] in
            connection.handleTimeout(now: environment.loop.now)
            update()
        }
        environment.media.register(self, fragment: connection.localUsernameFragment)
    }

    var now: Instant { environment.loop.now }

    /// After every call into the connection: credentials and deadlines may have changed.
    func update() {
        guard !isClosed else { return }
        environment.media.register(self, fragment: connection.localUsernameFragment)
        timer?.follow(connection.nextDeadline)
    }

    /// Closes the connection, its timer and its registration.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        timer?.cancel()
        connection.close(now: now)
        environment.media.unregister(self)
    }
}

extension ServerPeer: DatagramReceiver {
    func receive(_ datagram: inout MutableRawSpan, from source: TransportAddress, on base: TransportAddress) {
        connection.receive(&datagram, from: source, on: base, now: now)
        guard !isClosed else { return }
        timer?.follow(connection.nextDeadline)
    }
}

extension ServerPeer: PeerConnectionDelegate {
    func peerConnection(
        _ connection: PeerConnection, transmit datagram: RawSpan, from base: TransportAddress,
        to destination: TransportAddress
    ) {
        environment.media.send(datagram, from: base, to: destination)
    }

    func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent) {
        guard !isClosed else { return }
        owner?.peer(self, event: event)
    }

    func peerConnection(_ connection: PeerConnection, received packet: ReceivedRTPPacket) {
        owner?.peer(self, received: packet)
    }
}
