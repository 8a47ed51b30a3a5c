internal import Bridge
internal import ClientProtocol
internal import EventLoops
internal import HTTP
internal import Observability
internal import WebSocket
internal import Wire

/// The WebSockets of clients, on the paths of all dialects.
///
/// Belongs to the loop's thread.
final class SessionEndpoint: ClientEndpoint {
    /// Sound that waits for a client which reads too slowly, in milliseconds: beyond it the oldest goes.
    static let queuedSound = 2000

    private let loop: EventLoop
    private let admission: Admission
    private let gateway: GatewayEnvironment
    private let sessions: SessionMaker
    private var clients: [ObjectIdentifier: SocketClient] = [:]
    private var drained: (() -> Void)?
    /// When calls will be ended, once clients are asked to move.
    private var moveBy: Instant?
    private var moves: MoveSchedule?
    private var moveTimer: LoopTimer?
    private let connectionGauge: Gauge
    private let connectionCounter: Counter

    init(_ gatewayLoop: GatewayLoop) {
        loop = gatewayLoop.loop
        admission = gatewayLoop.environment.admission
        gateway = gatewayLoop.environment
        sessions = SessionMaker(gatewayLoop)
        let metrics = gatewayLoop.environment.metrics
        connectionGauge = metrics.gauge("voicegateway_clients", help: "Clients that are connected.")
        connectionCounter = metrics.counter(
            "voicegateway_clients_total", help: "Clients that have connected so far.")
    }

    var connectionCount: Int { clients.count }

    /// Before the upgrade, so that a balancer tries another gateway.
    private static let draining: HTTPResponse = {
        var response = HTTPResponse.text(
            AdmissionRefusal.draining.httpStatus, AdmissionRefusal.draining.closeReason + ".\n")
        response.headers.set("Retry-After", "1")
        return response
    }()

    func accept(_ request: UpgradeRequest) {
        let path = request.request.path
        let dialects = ClientDialects.dialect(atEndOf: path)
        var parameters = dialects.descriptor.defaults
        let key = admission.presentedKey(of: request.request, bearerMayBeKey: dialects.descriptor.bearerMayBeKey)
        let secret = admission.clientSecret(in: key)
        var mistake: InvalidParameter?
        do throws(InvalidParameter) {
            try parameters.apply(query: request.request.query.pairs)
            // What the backend has chosen counts more than what the page says.
            if let secret { try parameters.apply(configuration: secret.parameters) }
        } catch {
            mistake = error
        }
        if parameters.encryptionSecret == nil {
            do throws(InvalidParameter) {
                try parameters.takeEncryptionKey(of: request.request)
            } catch {
                mistake = mistake ?? error
            }
        }
        if parameters.accessToken == nil { parameters.accessToken = AccessTokens.presented(by: request.request) }
        let standing = standing(of: request.request, dialects, &parameters)
        if !dialects.descriptor.resumes { parameters.resumeToken = nil }
        let resumed = parameters.resumeToken.flatMap { sessions.resumable[$0] }
        let continued = resumed == nil ? parameters.resumeToken.flatMap(sessions.claim(in:)) : nil
        if let continued {
            do throws(InvalidParameter) {
                parameters = try continued.parameters(
                    dialects.descriptor.defaults, accessToken: parameters.accessToken)
                mistake = nil
            } catch {
                mistake = error
            }
        }
        let trace =
            continued?.trace.flatMap { TraceContext(parsing: $0) } ?? parameters.trace
            ?? request.request.headers["traceparent"].flatMap { TraceContext(parsing: $0) }
        let dialect = dialects.init(parameters, limits: limits.recordings)
        // Who was asked to move and is still connected wants to go on elsewhere; who has lost its connection comes back here.
        let isMoving = moveBy != nil && resumed?.isClientAbsent == false
        if isMoving || resumed == nil && admission.isClosed || drained != nil {
            _ = admission.refused(.draining, admission.address(of: request.request))
            return request.upgrade.reject(Self.draining)
        }
        let signature = CarrierSignature(
            of: request.request, in: dialects.descriptor, gateway.configuration, now: UnixClock.seconds())
        if case .wrong(let reason) = signature {
            _ = admission.refused(.wrongKey, admission.address(of: request.request))
            // Before the upgrade, because carriers read nothing else.
            return request.upgrade.reject(.text(403, reason + ".\n"))
        }
        let gate = ConnectionGate(
            request.request, admission: admission, loop: loop, isResumption: resumed != nil,
            isContinuation: continued != nil, isSigned: signature == .valid, standing: standing,
            secret: secret, bearerMayBeKey: dialects.descriptor.bearerMayBeKey)
        // The upgrade comes first whatever is wrong, so that a browser can read why it is closed.
        let client = SocketClient(
            gate: gate, dialect: dialect, maximumMessageBytes: limits.maximumMessageBytes,
            hooks: SocketClient.Hooks(
                begin: { [unowned self] client, caller, dialect, accessToken in
                    if let mistake { return sessions.refuse(client, caller, dialect, parameters, mistake) }
                    if let token = parameters.resumeToken {
                        let session = sessions.resume(client, caller, dialect, parameters, token, path: path)
                        if let moveBy {
                            moves?.remove(ResumeToken.key(of: token))
                            session.askToMove(until: moveBy)
                        }
                        return session
                    }
                    var parameters = parameters
                    if let accessToken { parameters.accessToken = accessToken }
                    return sessions.begin(
                        client, caller, dialect, parameters, continued: continued, trace: trace, path: path)
                },
                closed: { [weak self] client in self?.closed(client) }))
        var configuration = configuration(
            for: resumed?.dialect ?? dialect, isResumed: resumed != nil)
        if gate.mustAsk { configuration.maximumMessageBytes = ConnectionGate.maximumFirstMessageBytes }
        let subprotocol = request.request.offeredSubprotocols.agreed
        guard request.upgrade.accept(client, configuration: configuration, subprotocol: subprotocol) != nil else {
            return
        }
        clients[ObjectIdentifier(client)] = client
        connectionGauge.add(1)
        connectionCounter.add()
    }

    /// What a device has shown of who it is; the same device is the same caller in the same room each time.
    private func standing(
        of request: HTTPRequest, _ dialect: any ClientDialect.Type, _ parameters: inout SessionParameters
    ) -> DeviceStanding {
        dialect.read(
            ClientHandshake(header: { request.headers[$0] }, query: { request.query[$0] }), into: &parameters)
        guard dialect.descriptor.identifiesDevices else { return .notAsked }
        let token = request.bearerToken ?? request.headers["Authorization"] ?? request.query["authorization"] ?? ""
        let known = parameters.device.flatMap {
            admission.devices.verify($0, token: token, unixTime: UnixClock.seconds())
        }
        parameters.settle(as: known, admission.access)
        if let known { return .known(known) }
        return admission.devices.isInForce ? .unknown : .notAsked
    }

    private var limits: Limits { sessions.environment.configuration.limits }

    private func configuration(for dialect: any ClientDialect, isResumed: Bool) -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = limits.maximumMessageBytes
        configuration.textPiecesBeyond = LargeMessage.threshold
        configuration.skipsLargeMessages = dialect.descriptor.oversized == .tells
        // What was kept for a client that comes back leaves at once.
        let held = isResumed ? Int(limits.heldSound / .milliseconds(1)) : 0
        configuration.maximumDroppableBytes = dialect.delivery.bytesPerSecond * (Self.queuedSound + held) / 1000
        return configuration
    }

    private func closed(_ client: SocketClient) {
        guard clients.removeValue(forKey: ObjectIdentifier(client)) != nil else { return }
        connectionGauge.add(-1)
        finishDraining()
    }

    func configurationChanged() { sessions.configurationChanged() }

    func askToMove(until deadline: Instant, perSecond: Double) {
        moveBy = deadline
        moves = MoveSchedule(calls: sessions.resumable.keys, perSecond: perSecond, now: loop.now, end: deadline)
        moveTimer = LoopTimer(loop: loop) { [unowned self] in askWhoIsDue(until: deadline) }
        askWhoIsDue(until: deadline)
    }

    private func askWhoIsDue(until deadline: Instant) {
        while let key = moves?.next(now: loop.now) {
            guard let session = sessions.resumable.session(of: key), session.askToMove(until: deadline) else {
                continue
            }
            moves?.noteAsked(now: loop.now)
        }
        moveTimer?.follow(moves?.nextDeadline)
    }

    func drain(completion: @escaping () -> Void) {
        drained = completion
        for client in Array(clients.values) { client.shutDown() }
        for session in sessions.resumable.absent { session.shutDown() }
        finishDraining()
    }

    private func finishDraining() {
        guard clients.isEmpty, let drained else { return }
        self.drained = nil
        drained()
    }
}
