internal import Observability
internal import Shard
package import WebSocket
internal import Wire

/// A request for a WebSocket together with the means to decide about it.
package struct UpgradeRequest {
    package let request: HTTPRequest
    package let upgrade: WebSocketUpgrade
}

/// What one loop of the gateway does: its HTTP server, the small pages, and the endpoints of clients.
///
/// Belongs to the loop's thread.
final class GatewayShard: HTTPHandler {
    /// How long clients may take over the goodbye. Who stops the gateway waits for it, and a client that has not
    /// answered by then is most likely gone.
    static let drainTimeout: Duration = .seconds(1)

    let loop: EventLoop
    /// Its place among the shards, which resume tokens name.
    let index: Int
    /// All shards in their order. Sessions never move, so a connection that continues one goes to its shard.
    var shards: [(EventLoop, LoopBound<GatewayShard>)] = []
    let environment: GatewayEnvironment
    let context: WebSocketContext
    private var endpoints: [String: any ClientEndpoint] = [:]
    private var server: HTTPServer! = nil
    private var drainAlarm: Alarm?
    /// Connections that go to other shards at the end of the turn.
    private var moving: [(upgrade: WebSocketUpgrade, home: Int)] = []
    private var moveHook: EndOfTurn?

    /// - Parameter endpoints: by path, made for this loop.
    init(
        loop: EventLoop, index: Int = 0, environment: GatewayEnvironment,
        endpoints: (GatewayShard) -> [String: any ClientEndpoint]
    ) {
        loop.preconditionCurrent("a gateway shard")
        self.loop = loop
        self.index = index
        self.environment = environment
        context = WebSocketContext(loop: loop, trust: environment.authorities)
        server = HTTPServer(context: context, handler: self)
        self.endpoints = endpoints(self)
        moveHook = EndOfTurn(loop: loop) { [unowned self] in move() }
    }

    /// Listens, with the other shards, at one address. Returns it with the port that the kernel chose for 0.
    func listen(at address: TransportAddress) throws(ShardError) -> TransportAddress {
        try server.listen(at: address, isShared: true)
    }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard request.method == .get || request.method == .head else {
            return responder.respond(.text(405, "Only GET and HEAD are possible here.\n"))
        }
        switch request.path {
        case "/health":
            responder.respond(.text(200, "ok\n"))
        case "/metrics":
            responder.respond(.text(200, environment.metrics.snapshot()))
        case let path where endpoints[path] != nil:
            responder.respond(.text(426, "This is a WebSocket: ask for an upgrade.\n"))
        default:
            let paths = (["/health", "/metrics"] + endpoints.keys.sorted()).joined(separator: ", ")
            responder.respond(.text(404, "There is nothing here. There are \(paths).\n"))
        }
    }

    func handleUpgrade(_ request: HTTPRequest, _ upgrade: WebSocketUpgrade) {
        guard let endpoint = endpoints[request.path] else {
            let paths = endpoints.keys.sorted().joined(separator: ", ")
            return upgrade.reject(.text(404, "There is no WebSocket here. There are: \(paths).\n"))
        }
        if let home = ResumeToken.shard(of: request.query["session"] ?? ""), home != index,
            shards.indices.contains(home)
        {
            moving.append((upgrade, home))
            moveHook?.request()
            return
        }
        endpoint.accept(UpgradeRequest(request: request, upgrade: upgrade))
    }

    /// Lets the shards of their sessions decide about connections.
    private func move() {
        let leaving = moving
        moving = []
        for (upgrade, home) in leaving {
            guard shards.indices.contains(home), let connection = upgrade.handOver() else {
                upgrade.reject(.text(503, "The session cannot be reached at the moment. Try again.\n"))
                continue
            }
            environment.log.debug("client moves", ["from": index, "to": home])
            let (loop, shard) = shards[home]
            loop.execute { shard.value.server.adopt(connection) }
        }
    }

    /// Takes no more connections, says goodbye to those there are, and closes.
    func drain(completion: @escaping () -> Void) {
        server.stopListening()
        shards = []
        moveHook?.cancel()
        for (upgrade, _) in moving { upgrade.reject(.text(503, "The gateway is shutting down.\n")) }
        moving = []
        // One endpoint may serve several paths.
        let endpoints = Dictionary(endpoints.values.map { (ObjectIdentifier($0), $0) }, uniquingKeysWith: { $1 })
        var waiting = endpoints.count
        var isOver = false
        let finish = { [self] in
            guard !isOver else { return }
            isOver = true
            drainAlarm?.cancel()
            drainAlarm = nil
            server.close()
            completion()
        }
        guard waiting > 0 else { return finish() }
        let alarm = Alarm(loop: loop) { [environment] in
            environment.log.warning("clients did not go in time", ["limit": "\(Self.drainTimeout)"])
            finish()
        }
        alarm.arm(after: Self.drainTimeout)
        drainAlarm = alarm
        for endpoint in endpoints.values {
            endpoint.drain {
                waiting -= 1
                if waiting == 0 { finish() }
            }
        }
    }
}
