package import ClientProtocol
internal import Wire

/// What a session needs from around it; the same for all sessions of a loop.
package struct SessionEnvironment {
    package var configuration: BridgeConfiguration
    package var rooms: any RoomConnector
    package var dispatcher: any AgentDispatcher
    package var coders: any AudioCoderFactory
    package var clock: any SessionClock
    package var tick: MediaTick
    /// Counts the sound of all sessions of the loop; nil when nobody wants to know.
    package var meter: SoundMeter?

    package init(
        configuration: BridgeConfiguration, rooms: any RoomConnector, dispatcher: any AgentDispatcher,
        coders: any AudioCoderFactory, clock: any SessionClock, tick: MediaTick
    ) {
        self.configuration = configuration
        self.rooms = rooms
        self.dispatcher = dispatcher
        self.coders = coders
        self.clock = clock
        self.tick = tick
    }
}

/// One client and the participant that stands for it in a room. Joins, dispatches the agent, and carries sound, texts
/// and data both ways until one side goes. A client whose connection breaks may come back on another one. Belongs to
/// one loop.
package final class BridgeSession {
    package let id: String
    /// Called once, when everything is over.
    package var onEnded: ((SessionStatistics) -> Void)?

    /// The client's connection, or what stands in for it.
    var client: any ClientConnection
    /// The same while the client is away; nil while it is there.
    var absentClient: AbsentClient?
    /// Lets the client continue on another connection; nil when it may not.
    let resumeToken: String?
    /// Dropped by connections of the client that are gone.
    var earlierAudioDrops = 0
    let environment: SessionEnvironment
    /// What the client may choose; nil for everything.
    let policy: (any SessionPolicy)?
    /// Whom the client's access token names.
    var bearer: TokenBearer?
    /// The identity is ours as long as this is held.
    var identityRight: (any IdentityRight)?
    let startedAt: Instant
    var dialect: any DialectCodec
    package internal(set) var parameters: SessionParameters
    var lifecycle: SessionLifecycle
    var transcripts: TranscriptSelector
    var replies: ReplyTracker
    var turns = TurnTracker()
    var messageBucket: TokenBucket
    var uplink: Uplink?
    var downlink: Downlink?
    var room: (any RoomConnection)?
    var statistics = SessionStatistics()

    /// Who and where the caller is: what was asked for, then what the room says.
    var roomName: String
    var identity: String
    /// Whether nobody else can know the room: it was made up for this session.
    var hasOwnRoom: Bool { parameters.room == nil && parameters.accessToken == nil }
    var isRoomReady = false
    /// When the packet came that is being played; nil while none is.
    var packetArrival: Instant?
    /// Ticks until the room is asked again what it loses.
    var ticksToReport = 0
    var isRoomInterrupted = false
    var hasSentBinary = false
    var delivery: Delivery

    var roster = Roster()
    var hearing: Hearing
    var undelivered = UndeliveredMessages()
    var unintroducedData: UnintroducedData
    var dispatch = AgentDispatch()
    var lastUserTranscript: Instant?
    var reportedDrop = (samples: 0, at: Instant?.none)
    /// When the client was last told of errors that may come with every message.
    var complaints: [ClientError.Code: Instant] = [:]

    private var timer: (any SessionTimer)?
    /// Goes off when a piece for a client that plays files must be sent, and when that is.
    var pieceTimer: (any SessionTimer)?
    var pieceDeadline: Instant?
    private var isPerforming = false
    private var hasStarted = false

    /// Half a second of ticks.
    static let ticksBetweenReports = 25

    /// - Parameters:
    ///   - parameters: with the query of the client already applied.
    ///   - policy: what the client may choose; nil for everything.
    ///   - resumeToken: what the client proves with that a later connection is its own; nil when it cannot come back.
    ///   - random: for the names of rooms and callers that have none.
    package init(
        client: any ClientConnection, parameters: SessionParameters, environment: SessionEnvironment,
        policy: (any SessionPolicy)? = nil, resumeToken: String? = nil, random: inout some RandomNumberGenerator
    ) {
        let now = environment.clock.now
        let limits = environment.configuration.limits
        self.client = client
        self.policy = policy
        self.resumeToken = resumeToken
        self.parameters = parameters
        dialect = parameters.makeDialect(limits: limits.recordings)
        self.environment = environment
        startedAt = now
        delivery = Delivery(
            format: parameters.output, framing: parameters.outputFraming(hasSentBinary: false),
            frameMilliseconds: parameters.frameMilliseconds)
        id = "S_" + RandomName.hexadecimal(16, using: &random)
        // A token names its room and identity; until the room has said them, these stand in.
        roomName = parameters.room ?? "room-" + RandomName.uuid(using: &random)
        identity = parameters.identity ?? "caller-" + RandomName.hexadecimal(8, using: &random)
        lifecycle = SessionLifecycle(expectsAgent: true, limits: limits, now: now)
        transcripts = TranscriptSelector(limits: limits)
        replies = ReplyTracker(limits: limits)
        hearing = Hearing(limits: limits)
        unintroducedData = UnintroducedData(grace: limits.introductionGrace)
        messageBucket = TokenBucket(now: now)
        timer = environment.clock.makeTimer { [weak self] in self?.timerFired() }
    }

    var now: Instant { environment.clock.now }
    var limits: Limits { environment.configuration.limits }

    /// The agent to dispatch; empty for none.
    var agentName: String { parameters.agent ?? bearer?.agents.first?.name ?? environment.configuration.agentName }
    /// What it is told about its job, the instructions apart.
    var agentMetadata: String? {
        if let metadata = parameters.metadata { return metadata }
        let metadata = bearer?.agents.first { $0.name == agentName }?.metadata ?? ""
        return metadata.isEmpty ? nil : metadata
    }

    /// Whether the session is over.
    package var hasEnded: Bool { lifecycle.phase == .ended }

    /// The numbers so far.
    package var currentStatistics: SessionStatistics {
        var numbers = statistics
        if let uplink {
            numbers.packetsSent = uplink.packetsSent
            numbers.packetsSuppressed = uplink.packetsSuppressed
            numbers.uplinkSamples = uplink.samplesSent
            numbers.uplinkDropped = uplink.samplesDropped
            numbers.uplinkSkipped = uplink.samplesSkipped
            numbers.longestUplinkDelay = uplink.longestDelay
        }
        if let downlink {
            numbers.packetsReceived = downlink.packetsReceived
            numbers.downlinkConcealed = downlink.concealed
            numbers.downlinkRecovered = downlink.recovered
            numbers.undecodable = downlink.undecodable
        }
        numbers.joinedAfter = hearing.joined.map { Int(($0 - startedAt).milliseconds) }
        numbers.heardAfter = hearing.firstHeard.map { Int(($0 - startedAt).milliseconds) }
        numbers.audioMessagesDropped = earlierAudioDrops + client.droppedAudioMessages
        return numbers
    }

    // MARK: Life

    /// Accepts the client.
    package func start() {
        guard !hasStarted, !hasEnded else { return }
        hasStarted = true
        do throws(SessionRefusal) {
            try examine()
        } catch {
            return refuse(error.error, error.reason)
        }
        do throws(AudioCoderFailure) {
            try makeAudioPaths()
        } catch {
            return fail(error)
        }
        environment.tick.add(self)
        tell(.ready)
        warnOfUnknownParameters()
        perform()
    }

    /// What has no effect is not passed over in silence.
    func warnOfUnknownParameters() {
        for unknown in parameters.takeUnknown() { tell(.warning(unknown)) }
    }

    /// Refuses a client whose parameters cannot be understood: says what is wrong and closes.
    package func refuse(_ error: InvalidParameter) { refuse(error.clientError, .invalidParameter) }

    /// Refuses a client: says why and closes.
    package func refuse(_ error: ClientError, _ reason: ClosingReason) {
        hasStarted = true
        lifecycle.handle(.failed(error, reason), now: now)
        perform()
    }

    /// The client has said goodbye.
    package func clientClosed() {
        lifecycle.handle(.clientGone, now: now)
        perform()
    }

    /// The gateway is going down: tells the client, leaves the room, closes.
    package func shutDown() {
        lifecycle.handle(.shutdown, now: now)
        perform()
    }

    func fail(_ failure: AudioCoderFailure) {
        let error = ClientError(.internalError, failure.message, blame: .gateway, isRetryable: true)
        lifecycle.handle(.failed(error, .internalError), now: now)
        perform()
    }

    private func timerFired() {
        let now = now
        lifecycle.handleTimeout(now: now)
        for transcript in transcripts.handleTimeout(now: now) { tell(transcript) }
        passUnintroducedData()
        updateHearing()
        perform()
    }

    /// Does what the state machine asks for, then sets the timer.
    func perform() {
        guard !isPerforming else { return }
        isPerforming = true
        while let action = lifecycle.poll() {
            switch action {
            case .join: joinRoom()
            case .tell(let event): tell(event)
            case .leave(let departure):
                room?.leave(departure)
                room = nil
                isRoomReady = false
            case .close(let reason, let message):
                // Old clients know these words; why it is so the error before has told them.
                let isKnownOtherwise = parameters.events == .legacy && reason == .roomUnavailable
                client.close(
                    code: reason.closeCode,
                    reason: isKnownOtherwise ? AdmissionRefusal.unavailable.closeReason : message)
            case .finish: finish()
            }
        }
        isPerforming = false
        armTimer()
    }

    func armTimer() {
        guard !hasEnded else { return }
        var deadline = Instant.earliest(lifecycle.nextDeadline, transcripts.nextDeadline)
        deadline = Instant.earliest(deadline, unintroducedData.nextDeadline)
        deadline = Instant.earliest(deadline, hearing.nextDeadline)
        if let deadline { timer?.arm(at: deadline) } else { timer?.cancel() }
    }

    private func finish() {
        timer?.cancel()
        timer = nil
        pieceTimer?.cancel()
        pieceTimer = nil
        environment.tick.remove(self)
        let numbers = currentStatistics
        statistics = numbers
        uplink = nil
        downlink = nil
        identityRight = nil
        let onEnded = onEnded
        self.onEnded = nil
        onEnded?(numbers)
    }

    // MARK: To the client

    func tell(_ event: ServerEvent) {
        for frame in dialect.encode(event) { send(frame) }
    }

    func tell(_ transcript: Transcript) {
        if transcript.role == .user, transcript.participant == identity { lastUserTranscript = now }
        if transcript.role == .assistant {
            replies.noteText(now: now)
            turns.noteWords(areFinal: transcript.isFinal)
        }
        guard let absentClient else { return tell(.transcript(transcript)) }
        absentClient.holding(transcript) { tell(.transcript(transcript)) }
    }

    func send(_ frame: ClientFrame) {
        statistics.eventsSent += 1
        switch frame {
        case .text(let text): client.send(text: text)
        case .binary(let bytes): bytes.withUnsafeBytes { client.send(audio: $0) }
        }
    }

    // MARK: Parameters

    /// Asks whether the client may have what it has chosen. A token names its room and identity itself.
    func examine() throws(SessionRefusal) {
        guard let policy else { return }
        let named = try policy.examine(parameters)
        // Who came as somebody by a token must not go on as the same one without what the token forbids.
        if bearer != nil, named == nil {
            throw SessionRefusal(
                InvalidParameter(name: "access_token", value: "", allowed: "an access token, once there has been one"))
        }
        bearer = named
        if let bearer {
            roomName = bearer.room
            identity = bearer.identity
        }
    }
}
