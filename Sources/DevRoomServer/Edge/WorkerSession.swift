internal import EventLoops
internal import Observability
internal import SecureTransport
internal import Signalling
internal import WebSocket
internal import Wire

/// One agent worker's WebSocket, `/agent` (docs/livekit-protocol.md#agent-workers).
final class WorkerSession {
    /// How long a worker may take to introduce itself.
    static let registrationTimeout: Duration = .seconds(10)
    /// Seconds that a job's token lives.
    static let tokenLifetime: Int64 = 3600

    /// For workers that do not say what their agents may do.
    static let usualPermission = ParticipantPermission.with {
        $0.canPublish = true
        $0.canSubscribe = true
        $0.canPublishData = true
        $0.canUpdateMetadata = true
    }

    let id: String
    private let hub: RoomHub
    private let key: String
    private let secret: String
    private var socket: WebSocketConnection?
    private var hasRegistered = false
    private var timer: LoopTimer?

    /// - Parameters:
    ///   - key: the API key that the worker came with; its jobs' tokens are signed with the same.
    init(_ hub: RoomHub, key: String, secret: String) {
        self.hub = hub
        self.key = key
        self.secret = secret
        var random = SecureRandom()
        id = ServerIdentifier.make(ServerIdentifier.worker, using: &random)
        timer = LoopTimer(loop: hub.environment.loop) { [unowned self] in
            socket?.close(.policyViolation, reason: "the worker did not register in time")
        }
        timer?.arm(after: Self.registrationTimeout)
    }

    func opened(_ socket: WebSocketConnection?) { self.socket = socket }

    func send(_ message: ServerMessage.Message) {
        socket?.send(binary: ServerMessage.with { $0.message = message }.encoded(), .required)
    }

    /// Gives the worker a job, with a token for the agent participant.
    func assign(_ job: Job, _ answer: AvailabilityResponse, _ permissions: ParticipantPermission?) {
        let now = hub.environment.time.unixSeconds
        let permission = permissions ?? Self.usualPermission
        let token = AccessToken.with {
            $0.key = key
            $0.identity = answer.participantIdentity
            $0.name = answer.participantName
            $0.metadata = answer.participantMetadata
            $0.attributes = answer.participantAttributes
            $0.attributes["lk.agent_name"] = job.agentName
            $0.kind = .agent
            $0.expiresAt = now + Self.tokenLifetime
            $0.notBefore = now
            $0.video = .with {
                $0.roomJoin = true
                $0.room = job.room?.name ?? ""
                $0.agent = true
                $0.canPublish = permission.canPublish
                $0.canSubscribe = permission.canSubscribe
                $0.canPublishData = permission.canPublishData
                $0.canUpdateOwnMetadata = permission.canUpdateMetadata
                $0.canPublishSources = permission.canPublishSources
                $0.hidden = permission.hidden
            }
        }
        send(
            .assignment(
                .with {
                    $0.job = job
                    $0.token = token.signed(secret: secret, .openSSL)
                }))
        hub.environment.log.info("job assigned", ["job": job.id, "agent": job.agentName, "worker": id])
    }

    func close() {
        timer?.cancel()
        socket?.close(.goingAway)
    }
}

extension WorkerSession: WebSocketHandler {
    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
        guard let json = try? JSONValue(parsing: [UInt8](copying: text)), let message = try? WorkerMessage(json: json)
        else {
            return
        }
        received(message)
    }

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
        guard let message = try? WorkerMessage(decoding: [UInt8](copying: bytes)) else {
            return hub.environment.log.warning("malformed worker message ignored", ["worker": id])
        }
        received(message)
    }

    private func received(_ message: WorkerMessage) {
        guard let message = message.message else { return }
        if case .register(let request) = message {
            guard !hasRegistered else { return }
            hasRegistered = true
            timer?.cancel()
            hub.environment.log.info("worker registered", ["worker": id, "agent": request.agentName])
            hub.agents.register(worker: id, request, hub.environment.time)
        } else if hasRegistered {
            hub.agents.receive(message, from: id, hub.environment.time)
        }
        hub.drainAgents()
    }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        timer?.cancel()
        self.socket = nil
        hub.environment.log.info("worker gone", ["worker": id, "reason": closure.reason])
        hub.closed(self)
    }
}
