internal import Bridge
internal import ClientProtocol
internal import Observability
internal import WebSocket

/// The WebSockets of clients: `GET /ws` for those that speak raw sound in binary frames, and
/// `GET /v1/conversation/ws` for those that speak JSON with base64 in it.
///
/// Belongs to the loop's thread.
final class SessionEndpoint: ClientEndpoint {
    /// The paths and what clients of each expect.
    static let paths: [String: Endpoint] = ["/ws": .device, "/v1/conversation/ws": .conversation]

    /// Sound that waits for a client which reads too slowly, in milliseconds: beyond it the oldest goes.
    static let queuedSound = 2000

    private let sessions: SessionMaker
    private var clients: [ObjectIdentifier: SocketClient] = [:]
    private var drained: (() -> Void)?
    private let connectionGauge: Gauge
    private let connectionCounter: Counter

    init(_ shard: GatewayShard) {
        sessions = SessionMaker(shard)
        let metrics = shard.environment.metrics
        connectionGauge = metrics.gauge("voicegateway_clients", help: "Clients that are connected.")
        connectionCounter = metrics.counter(
            "voicegateway_clients_total", help: "Clients that have connected so far.")
    }

    var connectionCount: Int { clients.count }

    func accept(_ request: UpgradeRequest) {
        let path = request.request.path
        var parameters = SessionParameters(endpoint: Self.paths[path] ?? .device)
        var mistake: InvalidParameter?
        do throws(InvalidParameter) {
            try parameters.apply(query: ClientProtocol.QueryString.pairs(of: request.request.rawQuery))
        } catch {
            mistake = error
        }
        let refusal = admit(request, parameters)
        // The upgrade comes first whatever is wrong, so that a browser can read why it is closed.
        let client = SocketClient { [unowned self] client in
            if let refusal { return .refused(code: refusal.closeCode, reason: refusal.closeReason) }
            if let mistake { return .session(sessions.refuse(client, parameters, mistake)) }
            if let token = parameters.resumeToken {
                return .session(sessions.resume(client, parameters, token, path: path))
            }
            return .session(sessions.begin(client, parameters, path: path))
        } onClosed: { [weak self] client in
            self?.closed(client)
        }
        guard request.upgrade.accept(client, configuration: configuration(for: parameters)) != nil else { return }
        clients[ObjectIdentifier(client)] = client
        connectionGauge.add(1)
        connectionCounter.add()
    }

    /// The one place where it is decided who is let in, before anything is made for the client: nil for who is.
    private func admit(_ request: UpgradeRequest, _ parameters: SessionParameters) -> AdmissionRefusal? {
        drained == nil ? nil : .unavailable
    }

    private func configuration(for parameters: SessionParameters) -> WebSocketConfiguration {
        let resumed = parameters.resumeToken.flatMap { sessions.resumable[$0] }
        let parameters = resumed?.parameters ?? parameters
        let limits = sessions.environment.configuration.limits
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = limits.maximumMessageBytes
        let perSample = parameters.output.encoding.bytesPerSample ?? 1
        // Base64 makes four of three.
        let framing = parameters.outputFraming(hasSentBinary: false) == .binary ? 3 : 4
        // What was kept for a client that comes back leaves at once.
        let held = resumed != nil ? Int(limits.heldSound / .milliseconds(1)) : 0
        configuration.maximumDroppableBytes =
            parameters.output.sampleRate * perSample * (Self.queuedSound + held) / 1000 * framing / 3
        return configuration
    }

    private func closed(_ client: SocketClient) {
        guard clients.removeValue(forKey: ObjectIdentifier(client)) != nil else { return }
        connectionGauge.add(-1)
        finishDraining()
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
        sessions.close()
        drained()
    }
}
