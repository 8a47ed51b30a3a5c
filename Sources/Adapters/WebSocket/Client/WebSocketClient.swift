package import ByteStreams
internal import EventLoops
package import HTTP
internal import SecureTransport
internal import Wire

/// Opens one WebSocket as a client: looks the host up, connects, does TLS and the opening handshake, and hands over the
/// connection, or says why there is none.
///
/// Belongs to the loop's thread.
package final class WebSocketClient {
    /// How the connection is made.
    package struct Configuration: Sendable {
        /// From the first look-up to the end of the opening handshake.
        package var connectTimeout: Duration = .seconds(10)
        /// More fields for the request, `Authorization` for example. Those of the handshake itself cannot be replaced.
        package var headers = HTTPHeaders()
        package var webSocket = WebSocketConfiguration()

        package init() {}
    }

    /// Called once, later, unless `cancel` comes first.
    package typealias Completion = (Result<WebSocketConnection, WebSocketConnectError>) -> Void

    private enum Progress {
        case resolving(NameResolution)
        case connecting(TCPConnection)
        case tunnelling(TCPConnection, ProxyTunnel)
        case handshaking(ByteStream)
        case over
    }

    private let context: WebSocketContext
    private let url: HTTPURL
    private let configuration: Configuration
    private let handler: any WebSocketHandler
    private let key: String
    private var completion: Completion?
    private var progress = Progress.over
    private var addresses: ArraySlice<TransportAddress> = []
    private var parser: HandshakeResponseParser
    private var timer: LoopTimer?
    private let deadline: Instant

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - url: path and query are sent untouched.
    ///   - handler: of the connection; held until it closes. It hears nothing when there is no connection.
    /// - Returns: something to cancel with; it need not be kept.
    @discardableResult
    package static func connect(
        to url: HTTPURL, context: WebSocketContext, configuration: Configuration = Configuration(),
        handler: any WebSocketHandler, completion: @escaping Completion
    ) -> WebSocketClient {
        let client = WebSocketClient(
            url: url, context: context, configuration: configuration, handler: handler, completion: completion)
        client.start()
        return client
    }

    private init(
        url: HTTPURL, context: WebSocketContext, configuration: Configuration, handler: any WebSocketHandler,
        completion: @escaping Completion
    ) {
        self.url = url
        self.context = context
        self.configuration = configuration
        self.handler = handler
        self.completion = completion
        key = Base64.encode(context.nextHandshakeKey())
        parser = HandshakeResponseParser(key: key)
        deadline = context.loop.now + configuration.connectTimeout
    }

    /// Gives up. The completion is not called.
    package func cancel() {
        completion = nil
        finish()
    }

    private func start() {
        // Until the outcome is known, this object is held by what it waits for.
        let timer = LoopTimer(loop: context.loop) { [self] in timedOut() }
        self.timer = timer
        timer.arm(at: deadline)
        let proxy = proxy
        let resolution = context.loop.resolve(
            host: proxy?.host ?? url.origin.host, port: proxy?.port ?? url.origin.port
        ) { [self] result in
            switch result {
            case .success(let found):
                addresses = found[...]
                connect(lastError: .unreachable)
            case .failure(let error):
                fail(.network(error))
            }
        }
        progress = .resolving(resolution)
    }

    /// Tries the addresses one after the other.
    private func connect(lastError: EventLoopError) {
        guard completion != nil else { return }
        guard let address = addresses.popFirst() else {
            return fail(lastError == .timedOut ? .timedOut : .network(lastError))
        }
        let connection: TCPConnection
        do {
            connection = try TCPConnection(loop: context.loop)
        } catch {
            return fail(.network(error))
        }
        progress = .connecting(connection)
        // Each address gets its share of the time that is left, so that a dead first one leaves some for the next.
        let left = deadline - context.loop.now
        connection.connect(to: address, timeout: left / (addresses.count + 1)) { [self] result in
            switch result {
            case .success: reached(connection)
            case .failure(let error): connect(lastError: error)
            }
        }
    }

    private var proxy: HTTPProxy? { context.proxy(url.origin) }

    /// The server is at the other end, or the proxy.
    private func reached(_ connection: TCPConnection) {
        guard completion != nil else { return connection.close() }
        guard let proxy else { return connected(connection) }
        let tunnel = ProxyTunnel(
            connection, to: url.origin, by: proxy, patience: deadline - context.loop.now
        ) { [self] result in
            switch result {
            case .success: connected(connection)
            case .failure(let failure): fail(.proxy(proxy, failure))
            }
        }
        progress = .tunnelling(connection, tunnel)
    }

    private func connected(_ connection: TCPConnection) {
        guard completion != nil else { return connection.close() }
        var session: TLSSession?
        if url.origin.isSecure {
            do {
                session = try TLSSession(
                    try context.authorities(), host: url.origin.host, applicationProtocols: ["http/1.1"])
            } catch {
                connection.close()
                return fail(.setUp(error))
            }
        }
        let stream = ByteStream(connection, session: session)
        stream.delegate = self
        progress = .handshaking(stream)
        if session == nil { sendRequest(on: stream) } else { stream.startTLS() }
    }

    private func sendRequest(on stream: ByteStream) {
        var fields = HTTPHeaders([
            ("Host", url.origin.authority), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", WebSocketHandshake.version),
        ])
        for field in configuration.headers.fields where fields[field.name] == nil {
            fields.add(field.name, field.value)
        }
        var bytes = Array("GET \(url.target) HTTP/1.1\r\n".utf8)
        fields.write(to: &bytes)
        bytes += HTTPSyntax.lineEnd
        stream.write(bytes)
    }

    private func take(_ outcome: HandshakeResponseParser.Outcome) {
        guard case .handshaking(let stream) = progress, let completion else { return }
        switch outcome {
        case .accepted(let early):
            self.completion = nil
            progress = .over
            timer?.cancel()
            timer = nil
            let socket = WebSocketConnection(
                context: context, stream: stream, role: .client, early: early, configuration: configuration.webSocket,
                handler: handler)
            completion(.success(socket))
        case .rejected(let status, let reason, let body):
            let words = reason.isEmpty ? HTTPResponse.reasonPhrase(status) : reason
            fail(.rejected(status: status, reason: words, body: body))
        }
    }

    private func timedOut() {
        // A refusal whose body does not end is still a refusal.
        if let outcome = parser.finish() { take(outcome) } else { fail(.timedOut) }
    }

    private func fail(_ error: WebSocketConnectError) {
        let completion = completion
        self.completion = nil
        finish()
        completion?(.failure(error))
    }

    private func finish() {
        timer?.cancel()
        timer = nil
        switch progress {
        case .resolving(let resolution): resolution.cancel()
        case .connecting(let connection): connection.close()
        case .tunnelling(let connection, let tunnel):
            tunnel.cancel()
            connection.close()
        case .handshaking(let stream): stream.close()
        case .over: break
        }
        progress = .over
    }
}

extension WebSocketClient: ByteStreamDelegate {
    package func streamReceived(_ bytes: inout MutableRawSpan) {
        do {
            if let outcome = try parser.receive(bytes.bytes) { take(outcome) }
        } catch {
            fail(.invalidHandshake(error.reason))
        }
    }

    package func streamSecured() {
        if case .handshaking(let stream) = progress { sendRequest(on: stream) }
    }

    package func streamEnded(_ failure: ByteStreamFailure?) {
        if let outcome = parser.finish() { return take(outcome) }
        switch failure {
        case .tls(let failure): fail(.tls(failure))
        case .network(let error): fail(.network(error))
        case nil: fail(.network(.connectionReset))
        }
    }

    package func streamDrained() {}
}
