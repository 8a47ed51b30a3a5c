internal import EventLoops
internal import Observability
internal import PeerConnection
internal import Signalling
internal import Wire

/// Takes what one peer connection brings.
protocol MediaTransportDelegate: AnyObject {
    func transport(_ transport: MediaTransport, event: PeerConnectionEvent)
}

/// One peer connection with its sockets and its timer on the loop.
final class MediaTransport: PeerConnectionDelegate, MediaStreamsOwner {
    /// Sockets that are opened, one for each of the likeliest addresses of this machine.
    static let maximumSockets = 4

    /// Which one it is, as candidates are addressed.
    let target: SignalTarget
    let connection: PeerConnection
    weak var delegate: (any MediaTransportDelegate)?
    private let loop: EventLoop
    private var sockets: [UDPSocket] = []
    private let streams: MediaStreams
    private var timer: LoopTimer?
    private var hook: EndOfIteration?
    private var isClosed = false
    /// When something came last.
    private(set) var lastArrival: Instant?

    /// Opens the sockets. `isLocal` says that the server is on this machine, which loopback addresses then reach.
    init(
        loop: EventLoop, target: SignalTarget, isLocal: Bool, environment: ParticipantEnvironment,
        random: any RandomNumberGenerator
    ) throws(ParticipantError) {
        self.loop = loop
        self.target = target
        streams = MediaStreams(loop: loop)
        var configuration = PeerConnectionConfiguration()
        configuration.opusParameters = "minptime=10;useinbandfec=1;usedtx=1"
        configuration.acceptsRED = true
        connection = PeerConnection(
            configuration: configuration, factory: environment.transports,
            authentication: environment.authentication, random: random)
        let addresses = try Self.addresses(isLocal: isLocal)
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
        guard !sockets.isEmpty else {
            throw ParticipantError(.localFailure, "no UDP socket could be opened on \(addresses)")
        }
        timer = LoopTimer(loop: loop) { [weak self] in
            guard let self else { return }
            connection.handleTimeout(now: self.loop.now)
            hook?.request()
        }
        hook = EndOfIteration(loop: loop) { [weak self] in
            guard let self, !isClosed else { return }
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

    func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent) {
        delegate?.transport(self, event: event)
    }
}
