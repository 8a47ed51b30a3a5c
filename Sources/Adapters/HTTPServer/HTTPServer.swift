internal import ByteStreams
package import EventLoops
internal import Glibc
package import HTTP
package import SecureTransport
package import Wire

/// An HTTP/1.1 server on one loop, whose connections may be taken for another protocol, which is WebSocket.
///
/// Several servers, one for each loop, listen at the same address (SO_REUSEPORT); the kernel spreads the connections.
/// A connection belongs to its loop for life, unless it is handed over before a decision about its upgrade.
///
/// Belongs to the loop's thread.
package final class HTTPServer {
    /// Limits and clocks.
    package struct Configuration: Hashable, Sendable {
        /// Request line and fields together. LiveKit clients put whole session descriptions into the query.
        package var maximumHeadBytes = 65_536
        package var maximumBodyBytes = 1 << 20
        /// Beyond it new connections are told 503.
        package var maximumConnections = 20_000
        /// How long a request's head may take from its first byte on.
        package var headTimeout: Duration = .seconds(10)
        /// How long a request's body, or the sending of a last answer, may take.
        package var bodyTimeout: Duration = .seconds(30)
        /// How long a connection is kept before its first request and between requests.
        package var idleTimeout: Duration = .seconds(60)

        package init() {}
    }

    /// Why a connection is not taken.
    package enum RefusalReason: Hashable, Sendable {
        /// There are `maximumConnections`.
        case tooManyConnections
        /// The process may open only a few more files, and those are kept for the calls that there are.
        case tooManyOpenFiles
        /// The client speaks plain HTTP, and TLS is spoken here.
        case speaksPlain
        /// The client speaks TLS, and plain HTTP is spoken here.
        case speaksTLS
        /// TLS could not be agreed upon, for a reason in OpenSSL's words.
        case tlsFailed(String)
        /// A proxy does not begin as it has to.
        case proxyProtocol(ProxyHeader.Failure)
    }

    /// What a connection begins with: the certificate with which we answer, at the moment.
    package var certificate: (() -> TLSServerContext)?

    /// Whether connections from that address begin with a PROXY protocol header; nil: none does.
    package var speaksProxyProtocol: ((IPAddress) -> Bool)?

    /// Counts for what begins from now on.
    package var configuration: Configuration
    package let loop: EventLoop
    private(set) weak var handler: (any HTTPHandler)?
    private var listeners: [TCPListener] = []
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var greetings: [ObjectIdentifier: ProxyGreeting] = [:]
    private var upgraded: [ObjectIdentifier: any UpgradedConnection] = [:]
    private(set) var isClosing = false
    /// The text of the present second.
    private var date = (second: Int64(-1), text: "")

    /// - Parameter handler: not held.
    package init(loop: EventLoop, configuration: Configuration = Configuration(), handler: any HTTPHandler) {
        self.loop = loop
        self.configuration = configuration
        self.handler = handler
    }

    /// Open connections, those of other protocols included.
    package var connectionCount: Int { connections.count + greetings.count + upgraded.count }

    /// Those of another protocol among them.
    package var upgradedCount: Int { upgraded.count }

    /// Listens at an address; may be called for several.
    ///
    /// - Parameters:
    ///   - address: port 0 lets the kernel choose.
    ///   - isShared: the servers of other loops listen there too.
    /// - Returns: where it listens.
    @discardableResult
    package func listen(at address: TransportAddress, isShared: Bool = false) throws(EventLoopError) -> TransportAddress
    {
        let listener = try TCPListener(loop: loop, bind: address, isShared: isShared) { [weak self] descriptor in
            guard let self else { return TCPListener.refuse(descriptor, []) }
            accepted(descriptor)
        }
        add(listener)
        return listener.localAddress
    }

    /// Takes connections from a socket that all loops share. Who comes by a path has no address, and counts as this machine.
    package func listen(sharing socket: ListeningSocket) throws(EventLoopError) {
        let local = socket.address == nil ? TransportAddress(ip: .loopbackV4, port: 0) : nil
        let listener = try TCPListener(loop: loop, sharing: socket) { [weak self] descriptor in
            guard let self else { return TCPListener.refuse(descriptor, []) }
            accepted(descriptor, from: local)
        }
        add(listener)
    }

    private func add(_ listener: TCPListener) {
        listener.refusal = Self.refusal("The server has no room for more connections. Try again later.\n")
        listener.onRefused = { [weak self] in self?.handler?.refusedConnection(.tooManyOpenFiles) }
        listeners.append(listener)
    }

    /// Takes no new connections and no new requests; answers that are under way and connections of other protocols stay.
    package func stopListening() {
        isClosing = true
        for listener in listeners { listener.close() }
        listeners = []
        for connection in Array(connections.values) { connection.closeWhenIdle() }
        for greeting in greetings.values { greeting.cancel() }
        greetings = [:]
    }

    /// Ends everything, connections of other protocols without a word.
    package func close() {
        stopListening()
        for connection in Array(connections.values) { connection.close() }
        for connection in Array(upgraded.values) { connection.terminate() }
    }

    /// Takes a connection that the server of another loop has accepted, together with its request.
    package func adopt(_ connection: HandedOverConnection) {
        guard let (descriptor, session) = connection.take() else { return }
        guard !isClosing else { return TCPListener.refuse(descriptor, Self.refusal("The server is shutting down.\n")) }
        guard let tcp = adopted(descriptor) else { return }
        makeConnection(tcp, session, peer: connection.request.peer).goOn(connection.request, early: connection.early)
    }

    private static func refusal(_ words: String) -> [UInt8] {
        var response = HTTPResponse.text(503, words)
        response.headers.set("Retry-After", "1")
        var bytes: [UInt8] = []
        response.write(to: &bytes, isHead: false, keepsAlive: false)
        return bytes
    }

    private func accepted(_ descriptor: Int32, from local: TransportAddress? = nil) {
        guard connectionCount < configuration.maximumConnections, !isClosing else {
            TCPListener.refuse(descriptor, Self.refusal("Too many connections.\n"))
            if !isClosing { handler?.refusedConnection(.tooManyConnections) }
            return
        }
        guard let connection = adopted(descriptor) else { return }
        let address = connection.remoteAddress ?? local
        guard let address, speaksProxyProtocol?(address.ip.unmapped) == true else {
            return begin(connection, HTTPPeer(address: address), early: [])
        }
        let greeting = ProxyGreeting(connection, loop: loop, patience: configuration.headTimeout) { [weak self] in
            self?.greeted(connection, address, $0)
        }
        greetings[ObjectIdentifier(connection)] = greeting
    }

    private func greeted(_ connection: TCPConnection, _ proxy: TransportAddress, _ outcome: ProxyGreeting.Outcome) {
        greetings[ObjectIdentifier(connection)] = nil
        switch outcome {
        case .header(let header, let early):
            begin(connection, HTTPPeer(address: header.source ?? proxy, isSecure: header.isSecure), early: early)
        case .failed(let failure):
            handler?.refusedConnection(.proxyProtocol(failure))
            connection.close()
        case .gone: connection.close()
        }
    }

    /// Nil when the loop is stopping; the descriptor is closed by then.
    private func adopted(_ descriptor: Int32) -> TCPConnection? {
        try? TCPConnection(loop: loop, adopting: descriptor, onBytes: { _ in }, onEnd: { _ in })
    }

    private func begin(_ connection: TCPConnection, _ peer: HTTPPeer, early: [UInt8]) {
        guard let certificate else {
            return makeConnection(connection, nil, peer: peer).take(early: early)
        }
        guard let session = try? TLSSession(certificate()) else { return connection.close() }
        let client = makeConnection(connection, session, peer: peer, isNew: true)
        client.startTLS()
        client.take(early: early)
    }

    private func makeConnection(
        _ connection: TCPConnection, _ session: TLSSession?, peer: HTTPPeer, isNew: Bool = false
    ) -> HTTPConnection {
        let client = HTTPConnection(
            server: self, stream: ByteStream(connection, session: session, isServer: isNew), peer: peer)
        connections[ObjectIdentifier(client)] = client
        return client
    }

    /// Says when an answer was made, as servers with a clock must (RFC 9110 section 6.6.1): clients compare it with theirs.
    func dated(_ response: HTTPResponse) -> HTTPResponse {
        guard response.headers["Date"] == nil else { return response }
        let second = Int64(time(nil))
        if second != date.second { date = (second, HTTPDate.text(unixTime: second)) }
        var response = response
        response.headers.add("Date", date.text)
        return response
    }

    func remove(_ connection: HTTPConnection) { connections[ObjectIdentifier(connection)] = nil }

    func replace(_ connection: HTTPConnection, by other: any UpgradedConnection) {
        remove(connection)
        let key = ObjectIdentifier(other)
        upgraded[key] = other
        other.onClosed = { [weak self] in self?.upgraded[key] = nil }
    }
}
