internal import EventLoops
internal import Observability
internal import PeerConnection
internal import Signalling
internal import Wire

/// Takes what one peer connection brings.
protocol MediaTransportDelegate: AnyObject {
    func transport(_ transport: MediaTransport, event: PeerConnectionEvent)
    /// The server shall know of one more address of ours: a candidate, as it is trickled.
    func transport(_ transport: MediaTransport, candidate: String)
}

/// One peer connection with its sockets and its timer on the loop.
final class MediaTransport: PeerConnectionDelegate, MediaStreamsOwner, MediaRelayOwner {
    /// Sockets that are opened, one for each of the likeliest addresses of this machine.
    static let maximumSockets = 4

    /// A NAT on the way may give us another address at any time; the server sends there once it has had a check from there.
    static let consentInterval = Duration.seconds(1)

    /// Which one it is, as candidates are addressed.
    let target: SignalTarget
    let connection: PeerConnection
    weak var delegate: (any MediaTransportDelegate)?
    private let loop: EventLoop
    private var sockets: [UDPSocket] = []
    private let streams: MediaStreams
    private let relays: MediaRelays
    private let isRelayForced: Bool
    private var timer: LoopTimer?
    private var hook: EndOfIteration?
    private var isClosed = false
    /// When something came last.
    private(set) var lastArrival: Instant?

    /// Opens the sockets.
    /// - Parameters:
    ///   - isLocal: the server is on this machine, which loopback addresses then reach.
    ///   - turn: the servers by which media may go, and whether it must.
    init(
        loop: EventLoop, target: SignalTarget, isLocal: Bool, turn: (servers: [ICEServer], isForced: Bool),
        environment: ParticipantEnvironment, random: any RandomNumberGenerator
    ) throws(ParticipantError) {
        self.loop = loop
        self.target = target
        streams = MediaStreams(loop: loop)
        isRelayForced = turn.isForced
        relays = MediaRelays(loop: loop, servers: turn.servers, environment: environment, random: random)
        var configuration = PeerConnectionConfiguration()
        configuration.opusParameters = "minptime=10;useinbandfec=1;usedtx=1"
        configuration.acceptsRED = true
        configuration.ice.mayRelay = true
        configuration.ice.consentInterval = Self.consentInterval
        configuration.ice.consentRetry = ICEConsentRetry()
        if turn.isForced { configuration.ice.streamDelay = .zero }
        connection = PeerConnection(
            configuration: configuration, factory: environment.transports,
            authentication: environment.authentication, random: random)
        let addresses = turn.isForced ? [] : try Self.addresses(isLocal: isLocal)
        for ip in addresses {
            // An address that vanished meanwhile is no reason to fail as long as another works.
            guard let socket = try? UDPSocket(loop: loop, bind: TransportAddress(ip: ip, port: 0)) else { continue }
            let base = socket.localAddress
            // What arrives may end the participant, and this object with it: hold it for the whole call.
            socket.onDatagram = { [weak self] datagram, sender in self?.receive(&datagram, from: sender, on: base) }
            sockets.append(socket)
            connection.addLocalCandidate(base)
        }
        for isV6 in [false, true] where addresses.contains(where: { $0.isV6 == isV6 }) {
            connection.addActiveCandidate(isV6: isV6)
        }
        guard !sockets.isEmpty || turn.isForced else {
            throw ParticipantError(.localFailure, "no UDP socket could be opened on \(addresses)")
        }
        timer = LoopTimer(loop: loop) { [weak self] in
            guard let self else { return }
            connection.handleTimeout(now: self.loop.now)
            hook?.request()
        }
        hook = EndOfIteration(loop: loop) { [weak self] in
            guard let self, !isClosed else { return }
            if !relays.isEmpty, let base = connection.settledBase { forget(relays.settle(on: base)) }
            timer?.follow(connection.nextDeadline)
        }
        connection.delegate = self
        streams.owner = self
    }

    /// The addresses to use, the likeliest first. The server's own machine is also reached by loopback, and by that
    /// alone when it announces nothing else.
    private static func addresses(isLocal: Bool) throws(ParticipantError) -> [IPAddress] {
        let all: [InterfaceAddress]
        do {
            all = try InterfaceAddress.all()
        } catch {
            throw ParticipantError(.localFailure, "\(error)")
        }
        let routed = all.filter { !$0.isLoopback && !$0.ip.isLoopback }.map(\.ip)
        let loopback = all.filter { $0.isLoopback || $0.ip.isLoopback }.map(\.ip)
        let sorted = routed.filter { !$0.isV6 } + routed.filter(\.isV6)
        let chosen =
            isLocal || sorted.isEmpty ? loopback.filter { !$0.isV6 } + loopback.filter(\.isV6) + sorted : sorted
        return Array(chosen.prefix(maximumSockets))
    }

    /// Runs `body` with the connection and the time, then sees to the timer.
    func with<Result, Failure: Error>(
        _ body: (PeerConnection, Instant) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { hook?.request() }
        return try body(connection, loop.now)
    }

    /// Takes one datagram.
    func receive(_ datagram: inout MutableRawSpan, from sender: TransportAddress, on base: TransportAddress) {
        lastArrival = loop.now
        connection.receive(&datagram, from: sender, on: base, now: loop.now)
        if connection.movesDeadline { hook?.request() }
    }

    /// Closes the connection on the wire and lets the sockets go. The delegate hears nothing more.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        delegate = nil
        connection.close(now: loop.now)
        timer?.cancel()
        hook?.cancel()
        for socket in sockets { socket.close() }
        sockets = []
        streams.closeAll()
        relays.closeAll()
    }

    // MARK: Relays

    /// Media is to come up again, with newer TURN servers if there are any.
    func restart(turn servers: [ICEServer]) { forget(relays.restart(servers, base: connection.selectedPair?.base)) }

    private func forget(_ gone: [TransportAddress]) {
        for address in gone {
            with { connection, now in connection.removeLocalCandidate(address, reason: nil, now: now) }
        }
    }

    /// The TURN servers that media may go by.
    var turnServers: [TURNServer] { relays.servers }

    /// Nothing can lead to the server.
    var lacksRelays: Bool { isRelayForced && relays.servers.isEmpty }

    /// How media goes at the moment, `UDP` or `TURN over TLS` for instance; nil when it does not.
    var pathName: String? {
        guard let kind = connection.pathKind else { return nil }
        return connection.selectedPair.flatMap { relays.wayName($0.base) } ?? kind.rawValue
    }

    /// What was tried to reach the server, and how it went.
    var pathReports: [ICEPathReport] { connection.pathReports + relays.reports }

    func relayAllocated(_ relay: MediaRelay, at address: TransportAddress) {
        let candidate = with { connection, now in
            connection.addRelayedCandidate(address, preference: relay.server.preference, now: now)
        }
        guard let candidate else {
            return relays.remove(relay, reason: "the address is in use already", mayPass: false)
        }
        delegate?.transport(self, candidate: candidate)
    }

    func relayFailed(_ relay: MediaRelay, reason: String, mayPass: Bool) {
        relays.remove(relay, reason: reason, mayPass: mayPass)
        guard let address = relay.address else { return }
        with { connection, now in connection.removeLocalCandidate(address, reason: reason, now: now) }
    }

    func relay(_ relay: MediaRelay, refuses peer: TransportAddress, reason: String) {
        guard let address = relay.address else { return }
        with { connection, now in connection.pathRefused(from: address, to: peer, reason: reason, now: now) }
    }

    func relay(_ relay: MediaRelay, received datagram: inout MutableRawSpan, from peer: TransportAddress) {
        if let address = relay.address { receive(&datagram, from: peer, on: address) }
    }

    // MARK: MediaStreamsOwner

    func streamOpened(from base: TransportAddress, to remote: TransportAddress) {
        with { connection, now in connection.streamOpened(from: base, to: remote, now: now) }
    }

    func streamClosed(from base: TransportAddress, to remote: TransportAddress, reason: String) {
        with { connection, now in connection.streamClosed(from: base, to: remote, reason: reason, now: now) }
    }

    // MARK: PeerConnectionDelegate

    func peerConnection(
        _ connection: PeerConnection, transmit datagram: RawSpan, from base: TransportAddress,
        to destination: TransportAddress
    ) {
        for socket in sockets where socket.localAddress == base {
            socket.send(datagram, to: destination)
            return
        }
        if relays.send(datagram, from: base, to: destination) { return }
        streams.send(datagram, from: base, to: destination)
    }

    func peerConnection(
        _ connection: PeerConnection, openStreamFrom base: TransportAddress, to destination: TransportAddress
    ) {
        streams.open(from: base, to: destination)
    }

    func peerConnection(
        _ connection: PeerConnection, closeStreamFrom base: TransportAddress, to destination: TransportAddress
    ) {
        streams.close(from: base, to: destination)
    }

    func peerConnection(_ connection: PeerConnection, wantsRelayForV6 isV6: Bool) {
        relays.begin(isV6: isV6, for: self)
    }

    func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent) {
        delegate?.transport(self, event: event)
    }
}
