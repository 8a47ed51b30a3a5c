internal import EventLoops
internal import PeerConnection
internal import Wire

/// Takes what happens at a `MediaRelay`.
protocol MediaRelayOwner: AnyObject {
    func relayAllocated(_ relay: MediaRelay, at address: TransportAddress)
    /// It is closed.
    /// - Parameters:
    ///   - reason: for people.
    ///   - mayPass: another attempt may do better.
    func relayFailed(_ relay: MediaRelay, reason: String, mayPass: Bool)
    func relay(_ relay: MediaRelay, refuses peer: TransportAddress, reason: String)
    /// The bytes may be changed in place and are gone after the call.
    func relay(_ relay: MediaRelay, received datagram: inout MutableRawSpan, from peer: TransportAddress)
}

/// One allocation at a TURN server, for peers of one address family.
final class MediaRelay: TURNLinkOwner {
    let server: TURNServer
    let isV6: Bool
    /// How often the server was tried before.
    let attempt: Int
    /// The address at the server; nil until there is one.
    var address: TransportAddress? { client.relayed }
    weak var owner: (any MediaRelayOwner)?
    private let loop: EventLoop
    private let link: TURNLink
    private var client: TURNClient
    private var timer: LoopTimer?
    private var isClosed = false

    /// - Parameter isV6: the family of the peers.
    init(
        _ server: TURNServer, isV6: Bool, attempt: Int, loop: EventLoop, environment: ParticipantEnvironment,
        random: any RandomNumberGenerator
    ) {
        self.server = server
        self.isV6 = isV6
        self.attempt = attempt
        self.loop = loop
        link = TURNLink(to: server, loop: loop, context: environment.webSockets)
        client = TURNClient(
            username: server.username, password: server.password, isV6: isV6, isReliable: server.carrier != .udp,
            authentication: environment.authentication, random: random)
        timer = LoopTimer(loop: loop) { [weak self] in
            guard let self else { return }
            client.handleTimeout(now: self.loop.now)
            drain()
        }
        link.owner = self
    }

    /// Finds the way to the server, and asks for the allocation.
    func start() { link.open() }

    /// Sends a datagram to a peer by way of the server.
    func send(_ datagram: RawSpan, to peer: TransportAddress) {
        if client.wrap(datagram, to: peer, now: loop.now) { link.send(client.frame) } else { drain() }
    }

    private func drain() {
        while !isClosed, let output = client.poll() {
            switch output {
            case .transmit(let bytes): link.send(bytes)
            case .allocated(let address): owner?.relayAllocated(self, at: address)
            case .peerRefused(let peer, let failure): owner?.relay(self, refuses: peer, reason: failure.text)
            case .failed(let failure): fail(failure.text, mayPass: failure.mayPass)
            }
        }
        if !isClosed { timer?.follow(client.nextDeadline) }
    }

    private func fail(_ reason: String, mayPass: Bool) {
        guard !isClosed else { return }
        close()
        owner?.relayFailed(self, reason: reason, mayPass: mayPass)
    }

    /// Gives the allocation back, and lets the socket go. The owner hears nothing more.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        timer?.cancel()
        client.close(now: loop.now)
        while let output = client.poll() {
            if case .transmit(let bytes) = output { link.send(bytes) }
        }
        link.close()
    }

    // MARK: TURNLinkOwner

    func linkOpened() {
        client.start(now: loop.now)
        drain()
    }

    func linkReceived(_ datagram: inout MutableRawSpan) {
        switch client.receive(datagram.bytes, now: loop.now) {
        case .data(let range, let peer):
            var data = datagram._mutatingExtracting(range)
            owner?.relay(self, received: &data, from: peer)
        case .taken: drain()
        }
    }

    func linkEnded(_ reason: String) { fail(reason, mayPass: true) }
}
