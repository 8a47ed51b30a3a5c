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
    /// How long clients may take over the goodbye.
    static let drainTimeout: Duration = .seconds(5)

    let loop: EventLoop
    let environment: GatewayEnvironment
    let context: WebSocketContext
    private var endpoints: [String: any ClientEndpoint] = [:]
    private var server: HTTPServer! = nil
    private var drainAlarm: Alarm?

    /// - Parameter endpoints: by path, made for this loop.
    init(
        loop: EventLoop, environment: GatewayEnvironment,
        endpoints: (GatewayShard) -> [String: any ClientEndpoint]
    ) {
        loop.preconditionCurrent("a gateway shard")
        self.loop = loop
        self.environment = environment
        context = WebSocketContext(loop: loop, trust: environment.authorities)
        server = HTTPServer(context: context, handler: self)
        self.endpoints = endpoints(self)
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
        endpoint.accept(UpgradeRequest(request: request, upgrade: upgrade))
    }

    /// Takes no more connections, says goodbye to those there are, and closes.
    func drain(completion: @escaping () -> Void) {
        server.stopListening()
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
