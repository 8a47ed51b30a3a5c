internal import Bridge
internal import ClientProtocol
internal import HTTPClient
internal import LiveKitParticipant
internal import Observability
internal import SecureTransport
internal import Shard
internal import WebSocket

/// `GET /ws`: clients that send and get raw sound in binary frames, and events as JSON.
///
/// Belongs to the loop's thread.
final class DeviceEndpoint: ClientEndpoint {
    /// Sound that waits for a client which reads too slowly, in milliseconds: beyond it the oldest goes.
    static let queuedSound = 2000

    private let loop: EventLoop
    private let shardIndex: Int
    private let environment: GatewayEnvironment
    private let http: HTTPClient
    private let sessions: SessionEnvironment
    private var clients: [ObjectIdentifier: SocketClient] = [:]
    private let resumable = ResumableSessions()
    private var drained: (() -> Void)?
    private let connectionGauge: Gauge
    private let connectionCounter: Counter

    init(_ shard: GatewayShard) {
        loop = shard.loop
        shardIndex = shard.index
        environment = shard.environment
        http = HTTPClient(loop: loop, authorities: environment.authorities)
        let api = ServerAPI(
            client: http, server: environment.roomServer, key: environment.credentials.key,
            secret: environment.credentials.secret, authentication: .openSSL, unixTime: Console.unixTime)
        var configuration = BridgeConfiguration(agentName: environment.agentName)
        configuration.limits.resumeGrace = environment.resumeGrace
        let clock = LoopClock(loop: loop)
        sessions = SessionEnvironment(
            configuration: configuration,
            rooms: LiveKitRoomConnector(loop: loop, context: shard.context, environment: environment),
            dispatcher: ServerDispatcher(api: api, log: environment.log), coders: LibraryCoders(), clock: clock,
            tick: MediaTick(clock: clock, interval: configuration.limits.tick))
        connectionGauge = environment.metrics.gauge("voicegateway_clients", help: "Clients that are connected.")
        connectionCounter = environment.metrics.counter(
            "voicegateway_clients_total", help: "Clients that have connected so far.")
    }

    var connectionCount: Int { clients.count }

    func accept(_ request: UpgradeRequest) {
        var parameters = SessionParameters(endpoint: .device)
        var mistake: InvalidParameter?
        do throws(InvalidParameter) {
            try parameters.apply(query: ClientProtocol.QueryString.pairs(of: request.request.rawQuery))
            // Its codec comes with the conversation endpoint.
            if parameters.events == .legacy {
                throw InvalidParameter(name: "events", value: "legacy", allowed: "extended on this path")
            }
        } catch {
            mistake = error
        }
        // The upgrade comes first whatever is wrong, so that a browser can read why it is closed.
        let client = SocketClient { [unowned self] client in
            if mistake == nil, let token = parameters.resumeToken { return resume(client, parameters, token) }
            return makeSession(client, parameters, mistake)
        } onClosed: { [weak self] client in
            self?.closed(client)
        }
        let resumed = parameters.resumeToken.flatMap { resumable[$0] }
        let configuration = configuration(for: resumed?.parameters ?? parameters, isResumed: resumed != nil)
        guard request.upgrade.accept(client, configuration: configuration) != nil else { return }
        clients[ObjectIdentifier(client)] = client
        connectionGauge.add(1)
        connectionCounter.add()
    }

    private func configuration(for parameters: SessionParameters, isResumed: Bool) -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = sessions.configuration.limits.maximumMessageBytes
        let perSample = parameters.output.encoding.bytesPerSample ?? 1
        // Base64 makes four of three.
        let framing = parameters.chosenFraming == .json || parameters.chosenFraming == .wav ? 4 : 3
        // What was kept for a client that comes back leaves at once.
        let held = isResumed ? Int(sessions.configuration.limits.heldSound / .milliseconds(1)) : 0
        configuration.maximumDroppableBytes =
            parameters.output.sampleRate * perSample * (Self.queuedSound + held) / 1000 * framing / 3
        return configuration
    }

    /// Makes the session of a client whose socket is open; nil when it was refused.
    private func makeSession(
        _ client: SocketClient, _ parameters: SessionParameters, _ mistake: InvalidParameter?
    ) -> BridgeSession {
        var random = SecureRandom()
        let mayResume = mistake == nil && environment.resumeGrace > .zero
        let token = mayResume ? ResumeToken.make(shard: shardIndex) : nil
        let session = BridgeSession(
            client: client, parameters: parameters, dialect: ExtendedDialect(), environment: sessions,
            resumeToken: token, random: &random)
        let log = environment.log.with(["session": session.id])
        session.onEnded = { [unowned session, resumable] numbers in
            Self.report(numbers, of: session, to: log)
            if let token { resumable.remove(token) }
        }
        if let token {
            resumable.add(session, of: client, token)
            client.onLost = { [resumable] session in resumable.clientLost(session, token, log) }
        }
        if let mistake {
            session.refuse(mistake)
        } else {
            log.info("client connected", ["endpoint": "/ws"])
        }
        return session
    }

    /// Lets a client whose socket is open continue its session; if that is over, a session is made to tell it so.
    private func resume(_ client: SocketClient, _ parameters: SessionParameters, _ token: String) -> BridgeSession {
        if let session = resumable.resume(token, with: client) {
            let log = environment.log.with(["session": session.id])
            client.onLost = { [resumable] session in resumable.clientLost(session, token, log) }
            log.info("client came back", ["endpoint": "/ws"])
            return session
        }
        var random = SecureRandom()
        let session = BridgeSession(
            client: client, parameters: parameters, dialect: ExtendedDialect(), environment: sessions, random: &random)
        session.refuse(
            ClientError(
                .sessionExpired,
                environment.resumeGrace > .zero
                    ? "this session is over, or never was; connect without \"session\" to begin a new one"
                    : "this server keeps no sessions; connect without \"session\" to begin a new one"),
            .sessionExpired)
        return session
    }

    private static func report(_ numbers: SessionStatistics, of session: BridgeSession, to log: Log) {
        log.info(
            "session ended",
            [
                "messages_in": numbers.clientMessages, "bytes_in": numbers.clientAudioBytes,
                "packets_out": numbers.packetsSent, "sound_out_ms": numbers.uplinkSamples / 48,
                "dropped_ms": numbers.uplinkDropped / 48, "skipped_ms": numbers.uplinkSkipped / 48,
                "longest_delay_ms": numbers.longestUplinkDelay, "packets_in": numbers.packetsReceived,
                "concealed_ms": numbers.downlinkConcealed / 48, "recovered_ms": numbers.downlinkRecovered / 48,
                "audio_to_client": numbers.audioMessagesSent, "audio_dropped": numbers.audioMessagesDropped,
                "events": numbers.eventsSent, "joined_ms": numbers.joinedAfter ?? -1,
                "heard_ms": numbers.heardAfter ?? -1,
            ])
    }

    private func closed(_ client: SocketClient) {
        guard clients.removeValue(forKey: ObjectIdentifier(client)) != nil else { return }
        connectionGauge.add(-1)
        finishDraining()
    }

    func drain(completion: @escaping () -> Void) {
        drained = completion
        for client in Array(clients.values) { client.shutDown() }
        for session in resumable.absent { session.shutDown() }
        finishDraining()
    }

    private func finishDraining() {
        guard clients.isEmpty, let drained else { return }
        self.drained = nil
        http.close()
        drained()
    }
}
