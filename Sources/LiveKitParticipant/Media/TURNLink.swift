internal import ByteStreams
internal import EventLoops
internal import HTTP
internal import PeerConnection
internal import SecureTransport
internal import WebSocket
internal import Wire

/// Takes what happens on the way to a TURN server.
protocol TURNLinkOwner: AnyObject {
    /// Datagrams can be sent.
    func linkOpened()
    /// The bytes may be changed in place and are gone after the call.
    func linkReceived(_ datagram: inout MutableRawSpan)
    /// It could not be opened, or has ended; why, for people. Nothing comes afterwards.
    func linkEnded(_ reason: String)
}

/// The way to a TURN server: its name looked up, and then a UDP socket, or a connection with TLS or without. TLS goes by the
/// proxy, where there is one for its host, as signalling does.
final class TURNLink {
    /// How long it may take until datagrams can be sent.
    static let timeout = Duration.seconds(10)
    /// Addresses of a name that are tried, one after the other, over TCP and TLS. UDP takes the first: nothing tells that an
    /// address does not answer.
    static let maximumAddresses = 4

    private enum Way {
        case none
        case resolving(NameResolution)
        case connecting(TCPConnection)
        case tunnelling(TCPConnection, ProxyTunnel)
        case udp(UDPSocket, TransportAddress)
        case stream(DatagramStream)
    }

    weak var owner: (any TURNLinkOwner)?
    private let server: TURNServer
    private let loop: EventLoop
    private let context: WebSocketContext
    private var way = Way.none
    private var addresses: ArraySlice<TransportAddress> = []
    private var timer: LoopTimer?
    private var deadline = Instant.distantFuture
    private var isClosed = false

    init(to server: TURNServer, loop: EventLoop, context: WebSocketContext) {
        self.server = server
        self.loop = loop
        self.context = context
        timer = LoopTimer(loop: loop) { [weak self] in self?.end(EventLoopError.timedOut.summary) }
    }

    private var proxy: HTTPProxy? {
        guard server.carrier == .tls else { return nil }
        return context.proxy(HTTPOrigin(isSecure: true, host: server.host, port: server.port))
    }

    func open() {
        deadline = loop.now + Self.timeout
        timer?.arm(at: deadline)
        let place = proxy.map { ($0.host, $0.port) } ?? (server.host, server.port)
        way = .resolving(
            loop.resolve(host: place.0, port: place.1) { [weak self] result in
                guard let self, !isClosed else { return }
                switch result {
                case .success(let found):
                    addresses = found.prefix(Self.maximumAddresses)
                    connect(after: .unreachable)
                case .failure(let error): end(error.summary)
                }
            })
    }

    private func connect(after lastError: EventLoopError) {
        guard let address = addresses.popFirst() else { return end(lastError.summary) }
        do throws(EventLoopError) {
            guard server.carrier != .udp else { return try bind(to: address) }
            let connection = try TCPConnection(loop: loop)
            way = .connecting(connection)
            // Each address gets its share of the time that is left.
            let patience = (deadline - loop.now) / (addresses.count + 1)
            connection.connect(to: address, timeout: patience) { [weak self] result in
                guard let self, !isClosed else { return connection.close() }
                switch result {
                case .success: reached(connection)
                case .failure(let error): connect(after: error)
                }
            }
        } catch {
            connect(after: error)
        }
    }

    private func bind(to address: TransportAddress) throws(EventLoopError) {
        let socket = try UDPSocket(
            loop: loop, bind: TransportAddress(ip: address.ip.isV6 ? .anyV6 : .anyV4, port: 0))
        socket.onDatagram = { [weak self] datagram, sender in
            if sender == address { self?.owner?.linkReceived(&datagram) }
        }
        way = .udp(socket, address)
        opened()
    }

    /// The server is at the other end, or the proxy.
    private func reached(_ connection: TCPConnection) {
        guard let proxy else { return connected(connection) }
        let origin = HTTPOrigin(isSecure: true, host: server.host, port: server.port)
        let tunnel = ProxyTunnel(connection, to: origin, by: proxy, patience: deadline - loop.now) {
            [weak self] result in
            switch result {
            case .success: self?.connected(connection)
            case .failure(let failure): self?.end("the proxy leads nowhere: \(failure)")
            }
        }
        way = .tunnelling(connection, tunnel)
    }

    private func connected(_ connection: TCPConnection) {
        var session: TLSSession?
        if server.carrier == .tls {
            do throws(SecureTransportError) {
                session = try TLSSession(try context.authorities(), host: server.host)
            } catch {
                connection.close()
                return end("TLS cannot be set up")
            }
        }
        let bytes = ByteStream(connection, session: session)
        let stream = DatagramStream(bytes, framing: .turn)
        stream.onDatagram = { [weak self] datagram in self?.owner?.linkReceived(&datagram) }
        stream.onEnd = { [weak self] reason in self?.end(reason) }
        stream.onSecured = { [weak self] in self?.opened() }
        way = .stream(stream)
        if session == nil { opened() } else { bytes.startTLS() }
    }

    private func opened() {
        timer?.cancel()
        owner?.linkOpened()
    }

    /// Sends one datagram to the server, or drops it.
    func send(_ bytes: [UInt8]) {
        switch way {
        case .udp(let socket, let address): socket.send(bytes, to: address)
        case .stream(let stream): stream.send(bytes.span.bytes)
        case .none, .resolving, .connecting, .tunnelling: break
        }
    }

    private func end(_ reason: String) {
        guard !isClosed else { return }
        let owner = owner
        close()
        owner?.linkEnded(reason)
    }

    /// The owner hears nothing more.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        owner = nil
        timer?.cancel()
        switch way {
        case .none: break
        case .resolving(let resolution): resolution.cancel()
        case .connecting(let connection): connection.close()
        case .tunnelling(let connection, let tunnel):
            tunnel.cancel()
            connection.close()
        case .udp(let socket, _): socket.close()
        case .stream(let stream): stream.close()
        }
        way = .none
    }
}
