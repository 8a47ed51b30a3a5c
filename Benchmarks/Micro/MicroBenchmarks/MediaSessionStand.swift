internal import Bridge
internal import ClientProtocol
internal import PeerConnection
internal import SecureTransport
internal import WebSocket
internal import Wire

/// A session that has joined a room and is heard, between a peer connection and a client's frames, in virtual time.
final class MediaSessionStand {
    let pair: PeerPair
    private let session: BridgeSession
    private let clock: StandClock
    private let room: StandRooms
    private let client: StandClient
    private let tickClient: MediaTick

    /// - Parameter dialect: in which the client speaks.
    init(query: String, dialect: any ClientDialect.Type = DeviceDialect.self) throws {
        pair = try PeerPair()
        clock = StandClock(now: pair.now)
        room = StandRooms(pair: pair, clock: clock)
        client = StandClient()
        tickClient = MediaTick(clock: clock, interval: .milliseconds(20))
        var parameters = dialect.descriptor.defaults
        try parameters.apply(query: QueryString(query).pairs)
        var random = SecureRandom()
        session = BridgeSession(
            client: client, dialect: dialect.init(parameters, limits: RecordingLimits()), parameters: parameters,
            environment: SessionEnvironment(
                configuration: BridgeConfiguration(agentName: ""), rooms: room, dispatcher: StandDispatcher(),
                coders: LibraryCoders(), clock: clock, tick: tickClient),
            random: &random)
        session.start()
        clock.advance(to: clock.now + .milliseconds(300))
        guard let delegate = room.delegate else {
            throw TextFile.Failure(description: "the session does not join a room")
        }
        delegate.room(room, event: .joined(room: "room", identity: "caller"))
        delegate.room(room, event: .microphonePublished(track: "TR_mic"))
        delegate.room(
            room,
            event: .participantJoined(
                RoomMember(identity: "agent", isAgent: true, attributes: [RoomTopics.agentState: "listening"])))
        delegate.room(room, event: .microphoneSubscribed)
        delegate.room(room, event: .trackSubscribed(StandTrack(pair)))
        pair.near.keepsDatagrams = false
        // The silence while nobody heard the caller is over.
        clock.advance(to: clock.now + .seconds(1))
    }

    var now: Instant { clock.now }
    var sentBytes: Int { client.sentBytes }

    /// 20 ms pass, with the shared tick in the middle of them.
    func advance() { clock.advance(to: clock.now + .milliseconds(20)) }

    func tick() { advance() }

    /// The client sends a binary frame, 20 ms after the last one.
    func receive(_ message: [UInt8]) {
        advance()
        session.receive(binary: message.span.bytes)
    }
}

/// Time that moves by hand.
private final class StandClock: SessionClock {
    final class StandTimer: SessionTimer {
        var deadline: Instant?
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
        func arm(at instant: Instant) { deadline = instant }
        func cancel() { deadline = nil }
    }

    private(set) var now: Instant
    private var timers: [StandTimer] = []

    init(now: Instant) { self.now = now }

    func makeTimer(_ body: @escaping () -> Void) -> any SessionTimer {
        let timer = StandTimer(body)
        timers.append(timer)
        return timer
    }

    func advance(to end: Instant) {
        while true {
            var next: StandTimer?
            for timer in timers {
                guard let deadline = timer.deadline, deadline <= end else { continue }
                if let known = next?.deadline, known <= deadline { continue }
                next = timer
            }
            guard let next, let deadline = next.deadline else { break }
            now = max(now, deadline)
            next.deadline = nil
            next.body()
        }
        now = end
    }
}

/// What the near end of the pair receives.
private final class StandTrack: RoomTrack {
    let sid = "TR_agent"
    let participantIdentity = "agent"
    let source = TrackSource.microphone
    private let pair: PeerPair

    init(_ pair: PeerPair) { self.pair = pair }

    func play(into sink: (any TrackSink)?) { pair.near.connection.setSink(sink, on: 0) }
}

/// The near end of the pair as a room.
private final class StandRooms: RoomConnector, RoomConnection {
    private let pair: PeerPair
    private let clock: StandClock
    private(set) weak var delegate: (any RoomConnectionDelegate)?

    init(pair: PeerPair, clock: StandClock) {
        self.pair = pair
        self.clock = clock
    }

    func join(_ request: RoomRequest, delegate: any RoomConnectionDelegate) -> any RoomConnection {
        self.delegate = delegate
        return self
    }

    func sendAudio(_ packet: RawSpan, timestamp: UInt32, samples: Int, isStart: Bool, level: UInt8?) {
        let level = level.map { AudioLevel(negatedDecibels: $0, hasVoice: $0 < 50) }
        pair.near.connection.sendAudio(
            on: 0, payload: packet, timestamp: timestamp, audioLevel: level, now: clock.now)
    }

    var allowsRedundancy = true
    func setMuted(_ isMuted: Bool) {}
    func sendText(_ text: String, topic: String) {}
    func publishData(_ payload: [UInt8], topic: String, destinations: [String]) {}
    func publishDTMF(_ digit: DTMFDigit) {}
    func setAttributes(_ attributes: [String: String]) {}
    func performRPC(to identity: String, method: String, payload: String) {}
    func call(_ call: MethodCall, of identity: String) {}
    func end(call id: String, _ outcome: MethodOutcome) -> Bool { false }
    func leave(_ departure: RoomDeparture) {}
}

private final class StandDispatcher: AgentDispatcher {
    func placeAgent(
        _ agent: String, in room: String, metadata: String,
        completion: @escaping (Result<String, Failure>) -> Void
    ) {}
    func dispatchAgent(
        _ agent: String, to room: String, metadata: String, completion: @escaping (Result<Void, Failure>) -> Void
    ) {}
    func explainAbsence(of agent: String, in room: String, completion: @escaping (Failure?) -> Void) {}
}

/// Makes the frames for the client's WebSocket and throws them away.
private final class StandClient: ClientConnection {
    private let pool = FrameBufferPool()
    private(set) var sentBytes = 0
    var unacknowledgedBytes: Int { 0 }
    var droppedAudioMessages: Int { 0 }

    func send(text: String) {}
    func send(text: String, replacing key: String, isLast: Bool) -> Bool { false }
    func send(audioText: RawSpan) { send(.text, audioText) }
    func send(audio: RawSpan) { send(.binary, audio) }
    private func send(_ kind: WebSocketOpcode, _ bytes: RawSpan) {
        let frame = pool.frame(kind, payload: bytes, mask: nil)
        sentBytes += frame.count
        pool.put(frame)
    }
    func discardQueuedAudio() {}
    func close(code: UInt16, reason: String) {}
}
