internal import AudioCodec
internal import EventLoops
internal import Observability
internal import PeerConnection
internal import SecureTransport
internal import Signalling
internal import Wire

/// The built-in agent: an in-process participant that plays the caller's words back. It behaves as livekit-agents do
/// (docs/livekit-protocol.md#agents), so that a client can be tried without one.
final class Parrot {
    /// How often the length of an utterance that goes on is told.
    static let interimInterval: Duration = .milliseconds(500)
    static let decodingRate = 16_000

    /// Values of the attribute `lk.agent.state`.
    enum State: String { case initializing, listening, thinking, speaking }

    let identity: String
    private unowned let host: RoomHost
    private let environment: ServerEnvironment
    private let log: Log
    private var sid = ""
    private var state = State.initializing
    private var voiceTrack: ForwardedTrack?

    // Hearing
    private var caller: (identity: String, track: ForwardedTrack)?
    private var decoder: OpusDecoder?
    private var pcm = [Int16](repeating: 0, count: Parrot.decodingRate * OpusDecoder.maximumPacketDuration / 1000)
    private var listener = ParrotListener()
    private var lastSequence: UInt16?
    private var callerSegment = ""
    private var nextInterim = Instant.zero

    // Speaking
    private var voice: ParrotVoice
    private var texts = ParrotTexts(random: SecureRandom())
    private var openSegment: ParrotTexts.OpenSegment?
    private var timer: LoopTimer?
    private var hasLeft = false

    /// Joins the room and begins to listen.
    init(_ job: Job, host: RoomHost, environment: ServerEnvironment) {
        identity = job.state?.participantIdentity ?? "agent-" + job.id
        self.host = host
        self.environment = environment
        log = host.log.with(["parrot": identity])
        var random = SecureRandom()
        voice = ParrotVoice(using: &random)
        decoder = try? OpusDecoder(sampleRate: Self.decodingRate, channels: 1)
        timer = LoopTimer(loop: environment.loop) { [unowned self] in wakeUp() }
        join(job)
    }

    private func join(_ job: Job) {
        var request = ParticipantJoin(identity: identity)
        request.name = "Parrot"
        request.kind = .agent
        request.transport = .inProcess
        request.client.protocolVersion = ServerDescription.protocolVersion
        // Not `lk.agent.name`: it says that an agent's session answers questions, and who does not answer is replaced.
        request.attributes = ["lk.agent_name": job.agentName, "lk.agent.state": state.rawValue]
        request.permission = .with {
            $0.canPublish = true
            $0.canSubscribe = true
            $0.canPublishData = true
            $0.canUpdateMetadata = true
            $0.agent = true
        }
        do throws(RoomJoinError) {
            sid = try host.join(request) { sid in
                // Tracks may be attached before `join` returns.
                self.sid = sid
                return self
            }
        } catch {
            return log.warning("the parrot cannot join", ["error": "\(error)"])
        }
        host.perform { $0.activate(sid, host.time) }
        host.perform {
            $0.addTrack(
                sid,
                .with {
                    $0.cid = "parrot"
                    $0.name = "roomio_audio"
                    $0.source = .microphone
                })
        }
        voiceTrack = host.trackNegotiated(sid, cid: "parrot", mid: "0")
        set(.listening)
    }

    /// Leaves the room.
    func leave() {
        guard !hasLeft else { return }
        host.perform { $0.leave(sid, host.time) }
    }

    private var now: Instant { environment.loop.now }

    private func set(_ newState: State) {
        guard newState != state, !hasLeft else { return }
        state = newState
        // The room refuses only what is too large, which a state is not.
        _ = try? host.perform { (room) throws(Room.MetadataError) in
            try room.update(
                sid, name: "", metadata: "", attributes: ["lk.agent.state": newState.rawValue], byServer: true)
        }
    }

    private func publish(_ packets: [DataPacket]) {
        for packet in packets { host.perform { $0.receiveData(packet.encoded(), isReliable: true, from: sid) } }
    }

    // MARK: Time

    private func wakeUp() {
        if let event = listener.handleTimeout(now: now) { noticed(event) }
        tellProgress()
        while voice.next(now: now, { voiceTrack?.forward($0, now: now) }) {}
        if openSegment != nil, !voice.isSpeaking { finishSpeaking() }
        updateTimer()
    }

    private func updateTimer() {
        guard !hasLeft else { return }
        var deadline = Instant.earliest(listener.nextDeadline, voice.nextDeadline)
        if listener.isSpeaking { deadline = .earliest(deadline, nextInterim) }
        timer?.follow(deadline)
    }

    // MARK: Hearing

    private func noticed(_ event: ParrotListener.Event) {
        switch event {
        case .began:
            // A caller that speaks over the parrot wants to be heard.
            if voice.isSpeaking { interrupt() }
            callerSegment = texts.makeSegmentID()
            nextInterim = now + Self.interimInterval
        case .ended(let packets, let speech):
            tell(speech, isFinal: true)
            set(.thinking)
            speak(packets, text: "You said something like this for \(Self.seconds(speech)) seconds.")
        }
    }

    private func tellProgress() {
        guard listener.isSpeaking, nextInterim <= now else { return }
        nextInterim = now + Self.interimInterval
        tell(listener.speech, isFinal: false)
    }

    /// What was heard is described by its length: the parrot understands no words.
    private func tell(_ speech: Duration, isFinal: Bool) {
        guard let caller else { return }
        publish(
            texts.callerTranscript(
                "(\(Self.seconds(speech)) seconds of speech)", identity: caller.identity, segment: callerSegment,
                track: caller.track.sid, isFinal: isFinal, time: host.time))
    }

    private static func seconds(_ duration: Duration) -> String {
        let tenths = (duration.milliseconds + 50) / 100
        return "\(tenths / 10).\(tenths % 10)"
    }

    // MARK: Speaking

    private func speak(_ packets: [RecordedPacket], text: String) {
        guard !packets.isEmpty, let voiceTrack else { return set(.listening) }
        let (segment, begin) = texts.beginSegment(text, track: voiceTrack.sid, time: host.time)
        openSegment = segment
        publish(begin)
        set(.speaking)
        voice.play(packets, now: now)
        updateTimer()
    }

    private func interrupt() {
        voice.stop()
        finishSpeaking()
    }

    private func finishSpeaking() {
        if let segment = openSegment {
            openSegment = nil
            publish([texts.endSegment(segment)])
        }
        set(.listening)
    }

    /// Answers a written message.
    private func answer(_ message: String) {
        interrupt()
        set(.thinking)
        let reply = "You wrote: \(message)"
        speak(ParrotSpeech.packets(for: reply), text: reply)
    }
}

extension Parrot: PacketSink {
    func receive(_ packet: ReceivedRTPPacket, now: Instant) {
        guard let payload = packet.newestFrame, let opus = OpusPacket(payload), let decoder else { return }
        // A late packet cannot be put back into the sound that was heard already.
        if let lastSequence, !packet.sequenceNumber.isAfter(lastSequence) { return }
        lastSequence = packet.sequenceNumber
        var room = pcm.mutableSpan
        guard let count = try? decoder.decode(payload, into: &room) else { return }
        let level = ParrotSpeech.rootMeanSquare(of: pcm[..<count])
        let recorded = RecordedPacket(
            payload: [UInt8](copying: payload), timestamp: packet.timestamp, samples: opus.sampleCount,
            level: packet.audioLevel)
        if let event = listener.receive(recorded, level: level, now: now) { noticed(event) }
        tellProgress()
        updateTimer()
    }
}

extension Parrot: MemberConnection {
    func send(_ message: SignalResponse.Message) {}

    func send(data packet: [UInt8], isReliable: Bool) {
        guard let packet = try? DataPacket(decoding: packet), let name = caller?.identity ?? firstCaller else { return }
        if let message = texts.receive(packet, caller: name) { answer(message) }
    }

    /// A participant that writes before it speaks is the caller as well.
    private var firstCaller: String? { host.room.participants.first { Self.isCaller($0) }?.identity }

    private static func isCaller(_ participant: ParticipantRecord) -> Bool {
        [.standard, .sip, .connector].contains(participant.info.kind) && !participant.isAgent
    }

    func attach(_ track: ForwardedTrack) {
        guard caller == nil, let publisher = host.room.participant(track.publisher), Self.isCaller(publisher),
            publisher.tracks.contains(where: { $0.info.sid == track.sid && $0.info.source == .microphone })
        else { return }
        caller = (publisher.identity, track)
        lastSequence = nil
        decoder?.reset()
        listener = ParrotListener()
        track.attach(self, subscriber: sid)
        host.perform { $0.subscriptionEstablished(track: track.sid, subscriber: sid) }
    }

    func detach(track sid: String) {
        guard let caller, caller.track.sid == sid else { return }
        caller.track.detach(self.sid)
        self.caller = nil
        listener = ParrotListener()
        interrupt()
        updateTimer()
    }

    func pause(track sid: String, isPaused: Bool) {}

    func renewToken(_ info: ParticipantInfo) {}

    /// Inside the process nothing is lost.
    func takeQuality() -> ConnectionQuality? { .excellent }

    func end(_ reason: DisconnectReason) {
        hasLeft = true
        caller?.track.detach(sid)
        caller = nil
        timer?.cancel()
        timer = nil
    }
}
