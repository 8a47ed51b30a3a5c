internal import ByteStreams
internal import EventLoops
internal import HTTP
internal import SecureTransport
internal import Wire

/// One client's connection to an `HTTPServer`, until it closes or is taken for another protocol.
///
/// Requests are background work of the loop, one a step, and none is taken before the client has read enough of the last
/// answer that the kernel holds the rest. So a client that sends many is served as fast as it reads, and nothing piles up.
final class HTTPConnection {
    /// With more than that unread, no more is read from the network.
    static let maximumPipelinedBytes = 16_384
    /// How long a closed half may linger, so that the last answer is read before the connection is reset.
    static let lingerTimeout: Duration = .seconds(2)

    private enum Phase {
        /// No request has begun.
        case idle
        case reading
        /// A handler has the request; the number tells its answer from a late one.
        case handling(HTTPRequest)
        /// An answer waits until the client reads.
        case sending
        case upgrading(HTTPRequest)
        /// The last answer is on its way; whatever comes in is ignored.
        case ending
        case closed
    }

    /// Held while the connection is open, as it is held by the server.
    private let server: HTTPServer
    private let stream: ByteStream
    private var parser: HTTPRequestParser
    private var phase = Phase.idle
    private var exchange = 0
    private var timer: LoopTimer?
    private var work: BackgroundWork?
    /// When a connection without a request is closed.
    private var idleDeadline: Instant
    private var isPaused = false
    private var hasEnded = false
    /// TLS is spoken on this port.
    private let isSecure: Bool
    private var peer: HTTPPeer
    private var isHandshaking = false
    private var hasReceived = false

    /// - Parameter peer: who has sent the requests.
    init(server: HTTPServer, stream: ByteStream, peer: HTTPPeer) {
        self.server = server
        self.stream = stream
        isSecure = !stream.isPlain
        var peer = peer
        peer.isSecure = peer.isSecure || isSecure
        self.peer = peer
        parser = HTTPRequestParser(
            maximumHeadBytes: server.configuration.maximumHeadBytes,
            maximumBodyBytes: server.configuration.maximumBodyBytes)
        idleDeadline = server.loop.now + server.configuration.idleTimeout
        work = BackgroundWork(.requests, loop: server.loop) { [unowned self] in takeNext() }
        let timer = LoopTimer(loop: server.loop) { [unowned self] in timedOut() }
        self.timer = timer
        stream.delegate = self
        timer.arm(at: idleDeadline)
    }

    /// Waits for the client's first bytes of TLS, as long as for a request.
    func startTLS() {
        isHandshaking = true
        timer?.arm(after: server.configuration.headTimeout)
        stream.startTLS()
    }

    /// Takes what came before the connection was made.
    func take(early: [UInt8]) { stream.deliver(early) }

    func isHandling(_ exchange: Int) -> Bool {
        guard exchange == self.exchange, !hasEnded else { return false }
        return switch phase {
        case .handling, .upgrading: true
        case .idle, .reading, .sending, .ending, .closed: false
        }
    }

    // MARK: Requests

    /// Reads the next part of a request, and has it answered when it is whole.
    ///
    /// - Returns: whether there is more to do at once.
    private func takeNext() -> Bool {
        guard isAcceptingRequests else { return false }
        do throws(HTTPRequestError) {
            if let event = try parser.poll() {
                try take(event)
                return isAcceptingRequests
            }
        } catch {
            var request = parser.request
            request?.peer = peer
            end(with: server.handler?.response(to: error, in: request) ?? error.response)
            return false
        }
        if parser.hasMore { return true }
        waitForBytes()
        return false
    }

    private func waitForBytes() {
        if hasEnded { return close() }
        if !parser.isInsideRequest, case .reading = phase {
            // Empty lines are no request and keep no connection alive.
            phase = .idle
            timer?.arm(at: idleDeadline)
        }
        resumeReading()
    }

    private func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        stream.resumeReading()
    }

    private var isAcceptingRequests: Bool {
        switch phase {
        case .idle, .reading: true
        case .handling, .sending, .upgrading, .ending, .closed: false
        }
    }

    private func take(_ event: HTTPRequestParser.Event) throws(HTTPRequestError) {
        switch event {
        case .head(let request, let expectsContinue):
            phase = .reading
            timer?.arm(after: server.configuration.bodyTimeout)
            if request.isWebSocketUpgrade {
                return end(with: .text(400, "A request for the WebSocket protocol has no body.\n"))
            }
            if let handler = server.handler {
                var request = request
                request.peer = peer
                try parser.limitBody(to: handler.maximumBodyBytes(for: request))
            }
            if expectsContinue { stream.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
        case .request(var request):
            request.peer = peer
            exchange += 1
            timer?.cancel()
            if request.isWebSocketUpgrade {
                upgrade(request)
            } else {
                phase = .handling(request)
                server.handler?.handle(request, HTTPResponder(self, exchange: exchange))
            }
        }
    }

    private func upgrade(_ request: HTTPRequest) {
        phase = .upgrading(request)
        server.handler?.handleUpgrade(request, HTTPUpgrade(self, exchange: exchange))
    }

    // MARK: Answers

    func answer(_ response: HTTPResponse, to exchange: Int) {
        guard exchange == self.exchange, case .handling(let request) = phase else { return }
        // A client that has ended its half may have sent more requests before.
        let isLast = hasEnded && parser.bufferedBytes == 0
        let keepsAlive = request.keepsAlive && !isLast && !server.isClosing
        var bytes: [UInt8] = []
        server.dated(response).write(to: &bytes, isHead: request.method == .head, keepsAlive: keepsAlive)
        stream.write(bytes)
        guard keepsAlive else { return linger() }
        guard stream.queuedBytes == 0 else {
            phase = .sending
            timer?.arm(after: server.configuration.bodyTimeout)
            return
        }
        waitForRequest()
    }

    private func waitForRequest() {
        phase = .idle
        idleDeadline = server.loop.now + server.configuration.idleTimeout
        timer?.arm(at: idleDeadline)
        startReading()
    }

    /// Takes what has come, if a request can be in it.
    private func startReading() {
        guard isAcceptingRequests else { return }
        if case .idle = phase, parser.isInsideRequest {
            phase = .reading
            timer?.arm(after: server.configuration.headTimeout)
        }
        work?.request()
    }

    func reject(_ response: HTTPResponse, _ exchange: Int) {
        guard exchange == self.exchange, case .upgrading = phase else { return }
        // What follows the request may be meant as WebSocket frames already, so this connection is of no more use.
        end(with: response)
    }

    func accept(
        _ exchange: Int, headers: HTTPHeaders, _ take: (ByteStream, _ early: [UInt8]) -> any UpgradedConnection
    ) -> Bool {
        guard exchange == self.exchange, !hasEnded, case .upgrading = phase else { return false }
        phase = .closed
        timer?.cancel()
        work?.cancel()
        var bytes = Array("HTTP/1.1 101 Switching Protocols\r\n".utf8)
        headers.write(to: &bytes)
        bytes += HTTPSyntax.lineEnd
        stream.write(bytes)
        resumeReading()
        server.replace(self, by: take(stream, parser.takeRemaining()))
        return true
    }

    // MARK: Other loops

    /// Gives up the connection and the request that waits for a decision.
    func handOver(_ exchange: Int) -> HandedOverConnection? {
        guard exchange == self.exchange, !hasEnded, case .upgrading(let request) = phase,
            let (descriptor, session) = stream.detach()
        else { return nil }
        phase = .closed
        timer?.cancel()
        work?.cancel()
        server.remove(self)
        return HandedOverConnection(
            descriptor: descriptor, session: session, request: request, early: parser.takeRemaining())
    }

    /// Goes on where another loop's connection has stopped: at its request for the WebSocket protocol.
    func goOn(_ request: HTTPRequest, early: [UInt8]) {
        parser.receive(early.span.bytes)
        exchange += 1
        timer?.cancel()
        upgrade(request)
    }

    /// Answers and closes.
    private func end(with response: HTTPResponse) {
        var bytes: [UInt8] = []
        var isHead = false
        if case .handling(let request) = phase { isHead = request.method == .head }
        server.dated(response).write(to: &bytes, isHead: isHead, keepsAlive: false)
        stream.write(bytes)
        linger()
    }

    /// Ends our half and waits for the peer to end its own: closing with unread bytes would reset the connection,
    /// and the answer might be lost.
    private func linger() {
        if hasEnded, stream.queuedBytes == 0 { return close() }
        phase = .ending
        resumeReading()
        stream.finish()
        timer?.arm(after: stream.queuedBytes == 0 ? Self.lingerTimeout : server.configuration.bodyTimeout)
    }

    /// Ends at once.
    func close() {
        if case .closed = phase { return }
        phase = .closed
        timer?.cancel()
        work?.cancel()
        withExtendedLifetime(self) {
            stream.close()
            server.remove(self)
        }
    }

    /// No further request is taken; what is being answered is answered.
    func closeWhenIdle() {
        if isAcceptingRequests { close() }
        if case .sending = phase { linger() }
    }

    private func timedOut() {
        if case .reading = phase { return end(with: .text(408, "The request took too long to arrive.\n")) }
        close()
    }
}

extension HTTPConnection: ByteStreamDelegate {
    func streamReceived(_ bytes: inout MutableRawSpan) {
        if !hasReceived {
            hasReceived = true
            let first = bytes.isEmpty ? nil : bytes.bytes[0]
            if let complaint = complaint(aboutFirst: first) { return end(with: complaint) }
        }
        switch phase {
        case .ending, .closed:
            return
        case .idle, .reading, .handling, .sending, .upgrading:
            parser.receive(bytes.bytes)
        }
        if parser.bufferedBytes > Self.maximumPipelinedBytes, !isPaused {
            isPaused = true
            stream.pauseReading()
        }
        startReading()
    }

    /// Somebody speaks TLS where it is not spoken, or does not speak it where it is.
    private func complaint(aboutFirst byte: UInt8?) -> HTTPResponse? {
        if isSecure, stream.isPlain {
            server.handler?.refusedConnection(.speaksPlain)
            return .text(400, "TLS is spoken on this port: use https:// or wss://.\n")
        }
        guard !isSecure, byte == TLSSession.firstByte else { return nil }
        server.handler?.refusedConnection(.speaksTLS)
        return .text(400, "No TLS is spoken on this port: use http:// or ws://.\n")
    }

    func streamSecured() {
        isHandshaking = false
        peer.certificate = stream.peerNames.map {
            HTTPPeer.Certificate(commonName: $0.commonName, dnsName: $0.dnsName, uri: $0.uri)
        }
        timer?.arm(at: idleDeadline)
    }

    func streamEnded(_ failure: ByteStreamFailure?) {
        hasEnded = true
        if isHandshaking, case .tls(let failure)? = failure {
            server.handler?.refusedConnection(.tlsFailed(failure.summary))
        }
        guard failure == nil else { return close() }
        // A client may end its half and still read: what it has asked for before is answered.
        switch phase {
        case .idle, .reading:
            if parser.bufferedBytes == 0 { close() } else { work?.request() }
        case .handling, .sending:
            break
        case .ending:
            if stream.queuedBytes == 0 { close() }
        case .upgrading, .closed:
            close()
        }
    }

    func streamDrained() {
        switch phase {
        case .sending:
            waitForRequest()
        case .ending:
            if hasEnded { close() } else { timer?.arm(after: Self.lingerTimeout) }
        case .idle, .reading, .handling, .upgrading, .closed:
            break
        }
    }
}
