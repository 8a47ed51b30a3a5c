internal import ByteStreams
internal import EventLoops
internal import HTTP
internal import SecureTransport
internal import Wire

/// A byte stream to an origin: looks the name up, tries its addresses in turn, shakes hands.
final class HTTPTransport {
    /// How long one address may take to accept.
    static let connectTimeout: Duration = .seconds(5)

    let origin: HTTPOrigin
    /// Decrypted bytes; they are gone after the call. Not called again before it has returned.
    var onBytes: ((RawSpan) -> Void)?
    /// The stream has ended. False when somebody between may have cut it off (TLS without close_notify). The
    /// owner then closes.
    var onEnd: ((_ isWhole: Bool) -> Void)?
    /// All that was waiting to be sent has been handed to the kernel.
    var onDrain: (() -> Void)?

    private let loop: EventLoop
    private let authorities: TLSClientContext?
    private let proxy: HTTPProxy?
    private var tunnel: ProxyTunnel?
    private let applicationProtocols: [String]
    private var completion: ((Result<String?, HTTPClientError>) -> Void)?
    private var resolution: NameResolution?
    private var addresses: [TransportAddress] = []
    private var tcp: TCPConnection?
    private var tls: TLSSession?
    private var isPumping = false
    private var isClosed = false

    /// - Parameters:
    ///   - proxy: by which the origin is reached; nil: directly.
    ///   - applicationProtocols: to offer, best first; only with TLS.
    init(
        loop: EventLoop, origin: HTTPOrigin, authorities: TLSClientContext?, proxy: HTTPProxy?,
        applicationProtocols: [String]
    ) {
        self.proxy = proxy
        self.loop = loop
        self.origin = origin
        self.authorities = authorities
        self.applicationProtocols = applicationProtocols
    }

    // MARK: Opening

    /// - Parameter completion: called once, later, unless it is closed before; with the protocol that was agreed upon, if
    ///   any. Whoever gets a transport that is open sets the callbacks before returning.
    func open(_ completion: @escaping (Result<String?, HTTPClientError>) -> Void) {
        self.completion = completion
        resolution = loop.resolve(host: proxy?.host ?? origin.host, port: proxy?.port ?? origin.port) {
            [weak self] result in
            guard let self else { return }
            resolution = nil
            switch result {
            case .success(let found):
                addresses = found.reversed()
                tryNextAddress(after: .cancelled)
            case .failure(let error):
                opened(.failure(.unresolved(origin, error)))
            }
        }
    }

    private func tryNextAddress(after error: EventLoopError) {
        guard let address = addresses.popLast() else { return opened(.failure(.unreachable(origin, error))) }
        do throws(EventLoopError) {
            let tcp = try TCPConnection(loop: loop)
            self.tcp = tcp
            tcp.connect(to: address, timeout: Self.connectTimeout) { [weak self] result in
                switch result {
                case .success: self?.reached(tcp)
                case .failure(let error): self?.tryNextAddress(after: error)
                }
            }
            listen(to: tcp)
        } catch {
            opened(.failure(.unreachable(origin, error)))
        }
    }

    private func listen(to tcp: TCPConnection) {
        tcp.onBytes = { [weak self] in self?.received($0.bytes) }
        tcp.onEnd = { [weak self] _ in self?.receivedEnd() }
        tcp.onDrain = { [weak self] in self?.onDrain?() }
    }

    /// The origin is at the other end, or the proxy.
    private func reached(_ tcp: TCPConnection) {
        guard let proxy else { return connected() }
        tunnel = ProxyTunnel(tcp, to: origin, by: proxy, patience: Self.connectTimeout) { [weak self] result in
            guard let self else { return }
            tunnel = nil
            listen(to: tcp)
            switch result {
            case .success: connected()
            case .failure(let failure): opened(.failure(.proxy(proxy, failure)))
            }
        }
    }

    private func connected() {
        guard origin.isSecure else { return opened(.success(nil)) }
        guard let authorities else {
            let reason = "this client was made without certificate authorities, so https is not possible"
            return opened(.failure(.invalidRequest(reason)))
        }
        do throws(SecureTransportError) {
            let tls = try TLSSession(authorities, host: origin.host, applicationProtocols: applicationProtocols)
            self.tls = tls
            tls.start()
        } catch {
            return opened(.failure(.secureTransport(error)))
        }
        pump()
    }

    private func opened(_ result: Result<String?, HTTPClientError>) {
        guard let completion else { return }
        self.completion = nil
        if case .failure = result { close() }
        completion(result)
    }

    // MARK: Bytes

    private func received(_ bytes: RawSpan) {
        if let tls {
            tls.receive(bytes)
            pump()
        } else {
            isPumping = true
            defer { isPumping = false }
            onBytes?(bytes)
        }
    }

    private func receivedEnd() {
        if completion == nil {
            onEnd?(tls == nil)
        } else if let tls {
            tls.receiveEnd()
            pump()
        } else {
            opened(.failure(.disconnected(origin)))
        }
    }

    /// Carries out what the TLS session wants. Not recursive: what a callback causes is done by the loop that runs.
    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        while !isClosed, let output = tls?.poll() {
            switch output {
            case .transmit(let bytes): _ = tcp?.write(bytes)
            case .connected(let applicationProtocol): opened(.success(applicationProtocol))
            case .received(let bytes): onBytes?(bytes.span.bytes)
            case .closed: ended(isWhole: true, .disconnected(origin))
            case .failed(let failure): ended(isWhole: false, .insecure(origin, failure))
            }
        }
    }

    private func ended(isWhole: Bool, _ error: HTTPClientError) {
        if completion == nil { onEnd?(isWhole) } else { opened(.failure(error)) }
    }

    /// How many bytes wait to be sent.
    var queuedBytes: Int { tcp?.queuedBytes ?? 0 }

    /// Sends bytes. A stream that takes none has broken, which it reports itself.
    func write(_ bytes: [UInt8]) {
        guard !isClosed, !bytes.isEmpty else { return }
        if let tls {
            tls.send(bytes)
            pump()
        } else {
            tcp?.write(bytes)
        }
    }

    /// Reads what has arrived since the loop looked. Not to be called from a callback.
    func readArrived() {
        guard !isPumping, completion == nil else { return }
        tcp?.readArrived()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        completion = nil
        onBytes = nil
        onEnd = nil
        onDrain = nil
        resolution?.cancel()
        resolution = nil
        tunnel?.cancel()
        tunnel = nil
        if let tls {
            tls.close()
            while let output = tls.poll() {
                if case .transmit(let bytes) = output { _ = tcp?.write(bytes) }
            }
        }
        tcp?.close()
        tcp = nil
    }
}
