internal import EventLoops
package import HTTP
internal import HTTPClient
internal import HTTPServer
internal import LiveKitParticipant
internal import Observability
internal import SecureTransport
package import WebSocket
internal import Wire

/// A request for a WebSocket together with the means to decide about it.
package struct UpgradeRequest {
    package let request: HTTPRequest
    package let upgrade: WebSocketUpgrade
}

/// What one loop of the gateway does: its HTTP server with the HTTP interface, and the endpoints of clients.
///
/// Belongs to the loop's thread.
final class GatewayLoop: HTTPHandler {
    /// How long clients may take over the goodbye. Who stops the gateway waits for it, and a client that has not
    /// answered by then is most likely gone.
    static let drainTimeout: Duration = .seconds(1)
    /// The largest body of an HTTP request: room for a long prompt, and little enough to be read between two packets.
    static let maximumBodyBytes = 256 << 10
    /// The same for who has shown no key where one is needed, and for requests that nobody takes a body of.
    static let maximumBodyBytesOfUnknown = 4096

    let loop: EventLoop
    /// Its place among the loops, which resume tokens name.
    let index: Int
    /// All loops in their order. Sessions never move, so a connection that continues one goes to its loop.
    var gatewayLoops: [(EventLoop, LoopBound<GatewayLoop>)] = []
    let environment: GatewayEnvironment
    let context: WebSocketContext
    /// The room server's API, over one connection that all of the loop share.
    let serverAPI: ServerAPI
    let placer: AgentPlacer
    /// Those of this loop.
    let calls: LiveCalls
    /// Shared by all who ask something of other servers on this loop.
    let client: HTTPClient
    private var endpoints: [String: any ClientEndpoint] = [:]
    private var server: HTTPServer! = nil
    private var http: HTTPAPI! = nil
    /// On one loop of the process, if the operator has a port.
    private var adminListener: AdminListener?
    private var drainTimer: LoopTimer?
    /// Connections that go to other loops at the end of the iteration.
    private var moving: [(upgrade: WebSocketUpgrade, home: Int)] = []
    private var moveHook: EndOfIteration?

    /// - Parameter endpoints: by path, made for this loop.
    init(
        loop: EventLoop, index: Int = 0, environment: GatewayEnvironment,
        endpoints: (GatewayLoop) -> [String: any ClientEndpoint]
    ) {
        loop.preconditionCurrent("a gateway's loop")
        self.loop = loop
        self.index = index
        self.environment = environment
        let outgoing = environment.configuration.outgoing
        context = WebSocketContext(loop: loop, trust: environment.authorities, proxy: outgoing.proxy)
        client = HTTPClient(loop: loop, authorities: environment.authorities, proxy: outgoing.proxy)
        serverAPI = ServerAPI(
            client: client, server: environment.roomServer, key: environment.credentials.key,
            secret: environment.credentials.secret, authentication: .openSSL, unixTime: UnixClock.seconds)
        placer = AgentPlacer(
            api: serverAPI, loop: loop, placements: environment.placements, unixTime: UnixClock.seconds,
            log: environment.log)
        calls = LiveCalls(environment.callNumbers)
        var configuration = HTTPServer.Configuration()
        configuration.maximumBodyBytes = Self.maximumBodyBytes
        configuration.maximumConnections = Self.maximumConnections(environment)
        server = HTTPServer(loop: loop, configuration: configuration, handler: self)
        server.certificate = environment.certificate.map { certificate in { certificate.context } }
        server.speaksProxyProtocol = { [current = environment.current] address in
            let http = current.part(\.http)
            return http.hasProxyProtocol && http.trustedProxies.contains(address)
        }
        let iterations = environment.metrics.histogram(
            "voicegateway_loop_iteration_seconds",
            help: "How long a loop is busy before it looks again whether sound has come.")
        loop.measureIterations { iterations.add(nanoseconds: $0) }
        self.endpoints = endpoints(self)
        http = makeHTTP(isForOperator: false)
        moveHook = EndOfIteration(loop: loop) { [unowned self] in move() }
    }

    /// Admission counts WebSockets, of all loops together; those it refuses and plain requests need room beside.
    private static func maximumConnections(_ environment: GatewayEnvironment) -> Int {
        max(
            HTTPServer.Configuration().maximumConnections,
            2 * environment.current.part(\.limits.maximumConnections))
    }

    /// - Parameter completion: why the room server cannot be used, and by how many seconds its clock is ahead of ours.
    func checkRoomServer(completion: @escaping (RoomServerFault?, Int64?) -> Void) {
        let api = serverAPI
        RoomServerCalls(api: api, placer: placer).check { completion($0, api.clockOffset) }
    }

    /// Asks clients to go on at another gateway.
    func askToMove(until deadline: Instant) {
        let perSecond = Double(environment.current.part(\.drain.movesPerSecond)) / Double(max(1, gatewayLoops.count))
        for endpoint in distinctEndpoints { endpoint.askToMove(until: deadline, perSecond: perSecond) }
    }

    /// The settings have been read again.
    func configurationChanged() {
        server.configuration.maximumConnections = Self.maximumConnections(environment)
        let credentials = environment.credentials
        serverAPI.use(key: credentials.key, secret: credentials.secret)
        http.configurationChanged()
        adminListener?.configurationChanged()
        for endpoint in distinctEndpoints { endpoint.configurationChanged() }
    }

    /// One endpoint may serve several paths.
    private var distinctEndpoints: [any ClientEndpoint] {
        Array(
            Dictionary(endpoints.values.map { (ObjectIdentifier($0), $0) }, uniquingKeysWith: { $1 }).values)
    }

    private func makeHTTP(isForOperator: Bool) -> HTTPAPI {
        HTTPAPI(
            loop: loop, environment: environment, api: serverAPI, placer: placer, operations: ProcessOperations(self),
            isForOperator: isForOperator)
    }

    /// Serves the operator at an address of his own.
    func listen(forOperatorAt address: TransportAddress) throws(EventLoopError) -> TransportAddress {
        let listener = AdminListener(loop: loop, environment: environment, http: makeHTTP(isForOperator: true))
        let bound = try listener.listen(at: address)
        adminListener = listener
        return bound
    }

    /// Listens, with the other loops, at one address. Returns it with the port that the kernel chose for 0.
    func listen(at address: TransportAddress) throws(EventLoopError) -> TransportAddress {
        try server.listen(at: address, isShared: true)
    }

    /// Takes connections from a socket that all loops share.
    func listen(sharing socket: ListeningSocket) throws(EventLoopError) { try server.listen(sharing: socket) }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        http.handle(request) { responder.respond($0) }
    }

    func maximumBodyBytes(for request: HTTPRequest) -> Int {
        http.takesBody(request) ? Self.maximumBodyBytes : Self.maximumBodyBytesOfUnknown
    }

    func refusedConnection(_ reason: HTTPServer.RefusalReason) { environment.admission.refusedConnection(reason) }

    func response(to error: HTTPRequestError, in request: HTTPRequest?) -> HTTPResponse {
        http.response(to: error, in: request)
    }

    func handleUpgrade(_ request: HTTPRequest, _ upgrade: HTTPUpgrade) {
        guard let upgrade = WebSocketUpgrade(upgrade, of: request, context: context) else { return }
        var request = request
        // `/ws/` is what some libraries make of `/ws`.
        if request.path.count > 1, request.path.hasSuffix("/"), endpoints[String(request.path.dropLast())] != nil {
            request.path.removeLast()
        }
        guard let endpoint = endpoints[request.path] else {
            // A server may pass over the wish for another protocol (RFC 9110 section 7.8).
            return http.handle(request) { upgrade.reject($0) }
        }
        if let home = ResumeToken.loop(of: request.query["session"] ?? ""), home != index,
            gatewayLoops.indices.contains(home)
        {
            moving.append((upgrade, home))
            moveHook?.request()
            return
        }
        endpoint.accept(UpgradeRequest(request: request, upgrade: upgrade))
    }

    /// Lets the loops of their sessions decide about connections.
    private func move() {
        let leaving = moving
        moving = []
        for (upgrade, home) in leaving {
            guard gatewayLoops.indices.contains(home), let connection = upgrade.handOver() else {
                upgrade.reject(.text(503, "The session cannot be reached at the moment. Try again.\n"))
                continue
            }
            environment.log.debug("client moves", ["from": index, "to": home])
            let (loop, gatewayLoop) = gatewayLoops[home]
            loop.execute { gatewayLoop.value.server.adopt(connection) }
        }
    }

    /// Takes no more connections, says goodbye to those there are, and closes.
    func drain(completion: @escaping () -> Void) {
        server.stopListening()
        gatewayLoops = []
        moveHook?.cancel()
        for (upgrade, _) in moving { upgrade.reject(.text(503, "The gateway is shutting down.\n")) }
        moving = []
        let endpoints = distinctEndpoints
        var waiting = endpoints.count + 1
        var isOver = false
        let finish = { [self] in
            guard !isOver else { return }
            isOver = true
            drainTimer?.cancel()
            drainTimer = nil
            client.close()
            server.close()
            adminListener?.close()
            adminListener = nil
            completion()
        }
        let timer = LoopTimer(loop: loop) { [environment] in
            environment.log.warning("clients did not go in time", ["limit": "\(Self.drainTimeout)"])
            finish()
        }
        timer.arm(after: Self.drainTimeout)
        drainTimer = timer
        let leave = {
            waiting -= 1
            if waiting == 0 { finish() }
        }
        http.drain(completion: leave)
        for endpoint in endpoints { endpoint.drain(completion: leave) }
    }
}
