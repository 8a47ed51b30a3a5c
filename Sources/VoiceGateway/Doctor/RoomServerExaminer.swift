internal import ByteStreams
internal import EventLoops
internal import HTTP
internal import HTTPClient
internal import LiveKitParticipant
internal import Observability
internal import SecureTransport
internal import Signalling
internal import Wire

/// Takes the steps of an examination: those up to the keys by itself, those in a room by a `RoomVisit`.
///
/// Belongs to the loop's thread.
final class RoomServerExaminer: ExaminationTools {
    /// How long one step may take up to the keys.
    static let patience: Duration = .seconds(5)

    private let loop: EventLoop
    private let plan: RoomVisit.Plan
    private let speech: CallSpeech
    private let configuration: GatewayConfiguration
    private let log: Log
    private var addresses: [TransportAddress] = []
    private var resolution: NameResolution?
    /// Stands between the steps `connection` and `tls`.
    private var connection: TCPConnection?
    private var handshake: TLSProbe?
    private var client: HTTPClient?
    private var api: ServerAPI?
    /// As far as the server has said what time it is.
    private var clockOffset: Int64?
    private var visit: RoomVisit?

    private var tunnel: ProxyTunnel?

    private var url: HTTPURL { plan.server }
    private var proxy: HTTPProxy? { plan.outgoing.proxy(for: url.origin) }

    /// - Parameter speech: what is played to the agent, if anything.
    init(
        loop: EventLoop, plan: RoomVisit.Plan, speech: CallSpeech, configuration: GatewayConfiguration, log: Log
    ) {
        self.loop = loop
        self.plan = plan
        self.speech = speech
        self.configuration = configuration
        self.log = log
    }

    func perform(_ step: ExaminationStep, completion: @escaping (Result<String, Ailment>) -> Void) {
        switch step {
        case .settings: completion(.success(""))
        case .name: look(completion)
        case .connection: connect(completion)
        case .tls: secure(completion)
        case .answer: ask(completion)
        case .clock: compareClocks(completion)
        case .keys: showKey(completion)
        case .room: enter(completion)
        case .media, .turn, .microphone, .dispatch, .agent, .reply: visit?.await(step, completion)
        }
    }

    func tidyUp(completion: @escaping () -> Void) {
        resolution?.cancel()
        tunnel?.cancel()
        connection?.close()
        handshake?.cancel()
        guard let visit else {
            client?.close()
            return completion()
        }
        visit.end { [self] in
            client?.close()
            completion()
        }
    }

    // MARK: Steps

    private func look(_ completion: @escaping (Result<String, Ailment>) -> Void) {
        let host = proxy?.host ?? url.origin.host
        resolution = loop.resolve(host: host, port: proxy?.port ?? url.origin.port) { [self] result in
            resolution = nil
            switch result {
            case .success(let found):
                addresses = found
                let isAddress = IPAddress(host) != nil
                completion(
                    .success(
                        isAddress
                            ? "\(host) is an address"
                            : "\(host) is \(found.map(\.ip.description).joined(separator: ", "))"))
            case .failure(let error): completion(.failure(.name(error)))
            }
        }
    }

    private func connect(_ completion: @escaping (Result<String, Ailment>) -> Void) {
        tryAddress(addresses[...], after: .unreachable, completion)
    }

    private func tryAddress(
        _ left: ArraySlice<TransportAddress>, after error: EventLoopError,
        _ completion: @escaping (Result<String, Ailment>) -> Void
    ) {
        guard let address = left.first else { return completion(.failure(.connection(error, tried: addresses))) }
        do throws(EventLoopError) {
            let connection = try TCPConnection(loop: loop)
            self.connection = connection
            connection.connect(to: address, timeout: Self.patience / addresses.count) { [self] result in
                switch result {
                case .success:
                    if let proxy { return ask(proxy, at: address, completion) }
                    if !url.origin.isSecure { connection.close() }
                    completion(.success("\(address) accepts"))
                case .failure(let error): tryAddress(left.dropFirst(), after: error, completion)
                }
            }
        } catch {
            completion(.failure(.connection(error, tried: [address])))
        }
    }

    private func ask(
        _ proxy: HTTPProxy, at address: TransportAddress, _ completion: @escaping (Result<String, Ailment>) -> Void
    ) {
        guard let connection else { return }
        tunnel = ProxyTunnel(connection, to: url.origin, by: proxy, patience: Self.patience) { [self] result in
            tunnel = nil
            switch result {
            case .success: completion(.success("the proxy \(address) leads to \(url.origin.authority)"))
            case .failure(let failure): completion(.failure(.proxy(proxy, failure)))
            }
        }
    }

    private func secure(_ completion: @escaping (Result<String, Ailment>) -> Void) {
        do throws(SecureTransportError) {
            guard let authorities = try authorities(), let connection, !connection.isClosed else {
                return completion(.failure(.tls(.truncated(host: url.origin.host))))
            }
            let session = try TLSSession(authorities, host: url.origin.host, applicationProtocols: ["http/1.1"])
            let probe = TLSProbe(
                loop: loop, host: url.origin.host, connection, session, patience: Self.patience
            ) { [self] outcome in
                handshake = nil
                self.connection = nil
                switch outcome {
                case .secured:
                    completion(
                        .success(
                            "the certificate of \(url.origin.host) is trusted"
                                + (configuration.livekitCAFile.map { ", by \($0)" } ?? "")))
                case .failed(let failure): completion(.failure(.tls(failure)))
                case .silent: completion(.failure(.tlsSilence(Self.patience)))
                }
            }
            handshake = probe
            probe.start()
        } catch {
            completion(.failure(.tlsSetUp(error)))
        }
    }

    /// Whom to trust. The system's list takes a while to read, so not where nobody is to be trusted.
    private func authorities() throws(SecureTransportError) -> TLSClientContext? {
        // TURN servers may speak TLS where the room server does not.
        guard url.origin.isSecure || configuration.livekitCAFile != nil else { return nil }
        return try TLSClientContext(trusting: configuration.livekitCAFile.map { .file($0) } ?? .system)
    }

    private func ask(_ completion: @escaping (Result<String, Ailment>) -> Void) {
        // What is wrong with the authorities was found before.
        let client = HTTPClient(
            loop: loop, authorities: (try? authorities()) ?? nil, proxy: plan.outgoing.proxy)
        self.client = client
        client.send(HTTPClientRequest(.get, url), timeout: Self.patience) { [self] result in
            switch result {
            case .success(let response):
                if let date = response.headers["Date"], let time = HTTPDate.unixTime(of: date) {
                    clockOffset = time - UnixClock.seconds()
                }
                // Go's and nginx's words for plain HTTP at a port of TLS.
                if response.status == 400, !url.origin.isSecure, response.text.contains("HTTPS") {
                    return completion(.failure(.answerWantsTLS))
                }
                completion(.success("HTTP status \(response.status)"))
            case .failure(let error): completion(.failure(.answer(error)))
            }
        }
    }

    private func compareClocks(_ completion: @escaping (Result<String, Ailment>) -> Void) {
        guard let clockOffset else { return completion(.success("unknown: the server does not say what time it is")) }
        if abs(clockOffset) >= RoomServerFault.toleratedSkew { return completion(.failure(.clock(clockOffset))) }
        completion(
            .success(abs(clockOffset) <= 1 ? "the same time" : RoomServerFault.sentence(clockOffset: clockOffset)))
    }

    private func showKey(_ completion: @escaping (Result<String, Ailment>) -> Void) {
        guard let client else { return completion(.failure(.answer(.clientClosed))) }
        let credentials = configuration.roomServer.credentials
        let api = ServerAPI(
            client: client, server: url, key: credentials.key, secret: credentials.secret, authentication: .openSSL,
            unixTime: UnixClock.seconds)
        self.api = api
        api.send(.listParticipants(in: RoomServerCalls.nobodysRoom), timeout: Self.patience) { [self] result in
            let accepted = "the key \(credentials.key) is accepted"
            switch result {
            case .success: completion(.success(accepted))
            case .failure(let error) where error.code == .notFound: completion(.success(accepted))
            case .failure(let error): completion(.failure(.keys(error, knowsTime: clockOffset != nil)))
            }
        }
    }

    private func enter(_ completion: @escaping (Result<String, Ailment>) -> Void) {
        guard let api else { return completion(.failure(.answer(.clientClosed))) }
        do throws(SecureTransportError) {
            let visit = RoomVisit(
                loop: loop, plan: plan, credentials: configuration.roomServer.credentials, speech: speech, api: api,
                authorities: try authorities(), transports: try OpenSSLTransportFactory(), log: log)
            self.visit = visit
            visit.await(.room, completion)
            visit.start()
        } catch {
            completion(.failure(.tlsSetUp(error)))
        }
    }
}
