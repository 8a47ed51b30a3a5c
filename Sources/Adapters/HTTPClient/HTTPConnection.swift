internal import SecureTransport
internal import Shard
internal import Wire

/// One connection to an origin: looks the name up, tries its addresses in turn, shakes hands, then serves one call after
/// the other.
final class HTTPConnection {
    /// What the connection tells the client that owns it. Each may close the connection or give it another call.
    protocol Owner: AnyObject {
        /// The call is answered and taken off; the connection takes another one when `isReusable`.
        func connection(_ connection: HTTPConnection, answered call: HTTPCall, with response: HTTPResponse)
        /// The connection is closed. Its call, if it had one, got no answer.
        func connection(_ connection: HTTPConnection, ended error: HTTPClientError, call: HTTPCall?)
    }

    /// How long one address may take to accept.
    static let connectTimeout: Duration = .seconds(5)

    let origin: HTTPOrigin
    private(set) var call: HTTPCall?
    /// Whether it has answered a call before: only then can it be stale.
    private(set) var hasServed = false
    private(set) var isReusable = false

    private let loop: EventLoop
    private let authorities: TLSClientContext?
    private let maximumBodyBytes: Int
    private weak var owner: (any Owner)?
    private var resolution: NameResolution?
    private var addresses: [TransportAddress] = []
    private var tcp: TCPConnection?
    private var tls: TLSSession?
    private var parser: HTTPResponseParser?
    private var idleAlarm: Alarm?
    private var isOpen = false
    private var isClosed = false

    init(
        loop: EventLoop, origin: HTTPOrigin, authorities: TLSClientContext?, maximumBodyBytes: Int, owner: any Owner
    ) {
        self.loop = loop
        self.origin = origin
        self.authorities = authorities
        self.maximumBodyBytes = maximumBodyBytes
        self.owner = owner
    }

    // MARK: Opening

    /// Opens the connection for its first call. The outcome comes later.
    func open(for call: HTTPCall) {
        self.call = call
        call.connection = self
        resolution = loop.resolve(host: origin.host, port: origin.port) { [weak self] result in
            guard let self else { return }
            resolution = nil
            switch result {
            case .success(let found):
                addresses = found.reversed()
                tryNextAddress(after: .cancelled)
            case .failure(let error):
                end(.unresolved(origin, error))
            }
        }
    }

    private func tryNextAddress(after error: ShardError) {
        guard let address = addresses.popLast() else { return end(.unreachable(origin, error)) }
        do throws(ShardError) {
            let tcp = try TCPConnection(loop: loop)
            self.tcp = tcp
            tcp.connect(to: address, timeout: Self.connectTimeout) { [weak self] result in
                switch result {
                case .success: self?.connected()
                case .failure(let error): self?.tryNextAddress(after: error)
                }
            }
            tcp.onBytes = { [weak self] in self?.received($0) }
            tcp.onEnd = { [weak self] _ in self?.receivedEnd() }
        } catch {
            end(.unreachable(origin, error))
        }
    }

    private func connected() {
        guard origin.isSecure else { return opened() }
        guard let authorities else {
            return end(
                .invalidRequest("this client was made without certificate authorities, so https is not possible"))
        }
        do throws(SecureTransportError) {
            let tls = try TLSSession(authorities, host: origin.host, applicationProtocols: ["http/1.1"])
            self.tls = tls
            tls.start()
        } catch {
            return end(.secureTransport(error))
        }
        pumpTLS()
    }

    private func opened() {
        isOpen = true
        if let call { send(call) }
    }

    // MARK: Serving

    /// Gives an idle connection its next call.
    func serve(_ call: HTTPCall) {
        self.call = call
        call.connection = self
        idleAlarm?.cancel()
        send(call)
    }

    private func send(_ call: HTTPCall) {
        isReusable = false
        parser = HTTPResponseParser(isHead: call.isHead, maximumBodyBytes: maximumBodyBytes)
        if let tls {
            _ = tls.send(call.bytes)
            pumpTLS()
        } else {
            // A connection that takes nothing has broken, which it reports itself.
            _ = tcp?.write(call.bytes)
        }
    }

    /// Waits for the next call, for so long.
    func idle(for duration: Duration) {
        let alarm = idleAlarm ?? Alarm(loop: loop) { [unowned self] in end(.disconnected(origin)) }
        alarm.arm(after: duration)
        idleAlarm = alarm
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        if let tls {
            tls.receive(bytes.bytes)
            pumpTLS()
        } else {
            parse(bytes.bytes)
        }
    }

    private func receivedEnd() {
        if let tls {
            // Without TLS's own goodbye anybody may have cut the answer off, so it does not count as its end.
            if isOpen { return end(.disconnected(origin)) }
            tls.receiveEnd()
            pumpTLS()
        } else {
            streamEnded()
        }
    }

    private func pumpTLS() {
        while !isClosed, let output = tls?.poll() {
            switch output {
            case .transmit(let bytes): _ = tcp?.write(bytes)
            case .connected: opened()
            case .received(let bytes): parse(bytes.span.bytes)
            case .closed: streamEnded()
            case .failed(let failure): end(isOpen ? .disconnected(origin) : .insecure(origin, failure))
            }
        }
    }

    private func parse(_ bytes: RawSpan) {
        guard var parser, call != nil else {
            // Nobody asked: the server is about to close, or out of step.
            return end(.malformedResponse(origin, reason: "an answer that nobody asked for"))
        }
        self.parser = nil
        do throws(HTTPResponseParser.Failure) {
            try parser.receive(bytes)
        } catch {
            self.parser = parser
            return end(describe(error))
        }
        self.parser = parser
        if let response = parser.completed { answered(response, parser) }
    }

    private func streamEnded() {
        guard var parser, call != nil else { return end(.disconnected(origin)) }
        do throws(HTTPResponseParser.Failure) {
            try parser.receiveEnd()
        } catch {
            return end(describe(error))
        }
        if let response = parser.completed { answered(response, parser) }
    }

    private func answered(_ response: HTTPResponse, _ parser: HTTPResponseParser) {
        guard let call else { return }
        self.call = nil
        self.parser = nil
        hasServed = true
        isReusable = parser.keepsAlive && !parser.hasExcess && !isClosed
        owner?.connection(self, answered: call, with: response)
    }

    private func describe(_ failure: HTTPResponseParser.Failure) -> HTTPClientError {
        switch failure {
        case .malformed(let reason): .malformedResponse(origin, reason: reason)
        case .tooLarge(let bytes): .responseTooLarge(origin, maximumBytes: bytes)
        case .truncated: .disconnected(origin)
        }
    }

    // MARK: Ending

    /// Whether the call that is being served has had any answer.
    var hasAnswerBegun: Bool { parser?.hasStarted ?? false }

    private func end(_ error: HTTPClientError) {
        guard !isClosed else { return }
        let call = call
        let owner = owner
        closeQuietly()
        owner?.connection(self, ended: error, call: call)
    }

    /// Closes without a word to the owner.
    func closeQuietly() {
        guard !isClosed else { return }
        isClosed = true
        isReusable = false
        idleAlarm?.cancel()
        resolution?.cancel()
        resolution = nil
        if let tls {
            tls.close()
            while let output = tls.poll() {
                if case .transmit(let bytes) = output { _ = tcp?.write(bytes) }
            }
        }
        tcp?.close()
        tcp = nil
        call = nil
        owner = nil
    }
}
