package import ClientProtocol
package import Wire

/// One client and the participant that stands for it in a room: sound, texts and data go both ways until one side ends
/// it. A router: the parts own what there is to know and decide; what happens is passed to the part whose affair it is,
/// and what that asks for is done. Belongs to one loop.
package final class BridgeSession {
    package let id: String
    /// Called once, when everything is over.
    package var onEnded: ((SessionRecord) -> Void)?
    /// Called as the call gets on.
    package var onMilestone: ((SessionMilestone) -> Void)?

    private let environment: SessionEnvironment
    private var timer: (any SessionTimer)?
    private var lifecycle: SessionLifecycle
    private var client: ClientLink
    private let room: RoomLink
    private var state: RoomState
    /// Nil until the session is started.
    private var audio: AudioPath?

    /// - Parameters:
    ///   - dialect: made for these parameters.
    ///   - parameters: with the query of the client already applied.
    ///   - policy: what the client may choose; nil for everything.
    ///   - resumeToken: makes what the client proves with that a later connection is its own; nil when it cannot come back.
    ///   - continued: the session at another gateway that goes on here; the parameters are then its own.
    ///   - trace: what the agent is told of the trace that the call belongs to; nil for nothing.
    ///   - random: for the names of rooms and callers that have none.
    package init(
        client: any ClientConnection, dialect: any ClientDialect, parameters: SessionParameters,
        environment: SessionEnvironment, policy: (any SessionPolicy)? = nil,
        resumeToken: ((SessionClaim) -> String)? = nil, continued: SessionClaim? = nil, trace: TraceContext? = nil,
        random: inout some RandomNumberGenerator
    ) {
        let now = environment.clock.now
        let limits = environment.configuration.limits
        self.environment = environment.tracing(trace)
        id = continued?.session ?? "S_" + RandomName.hexadecimal(16, using: &random)
        let caller = CallerProfile(
            parameters, policy: policy, resumeToken: resumeToken, isContinued: continued != nil,
            defaultAgent: environment.configuration.agentName, trace: trace, random: &random)
        self.client = ClientLink(
            client, dialect: dialect, limits: limits, mayResume: resumeToken != nil, coders: environment.coders,
            now: now)
        lifecycle = SessionLifecycle(
            limits: limits, opening: SessionLifecycle.Opening(continued, dialect.descriptor, limits), now: now)
        room = RoomLink(caller, session: id, dialect: dialect.descriptor.name, environment: environment)
        state = RoomState(limits: limits, now: now)
        timer = environment.clock.makeTimer { [weak self] in self?.handleTimeout() }
    }

    private var now: Instant { environment.clock.now }

    package var hasEnded: Bool { lifecycle.hasEnded }
    /// Whether the session waits for its client to come back.
    package var isClientAbsent: Bool { lifecycle.isClientAbsent }
    /// What the client speaks, and how it gets its sound now.
    package var dialect: any ClientDialect { client.dialect }

    package var currentStatistics: SessionStatistics { SessionStatistics(client, state, audio) }

    package var snapshot: SessionSnapshot {
        SessionSnapshot(lifecycle, room, client, state, audio, currentStatistics, now: now)
    }

    /// How long it has lasted.
    package var age: Duration { now - state.startedAt }
    /// Who and where the caller is.
    package var summary: SessionSummary { room.summary }

    // MARK: Life

    package func start() {
        guard audio == nil, !hasEnded else { return }
        do throws(SessionRefusal) { try room.caller.examine() } catch { return refuse(error) }
        attempt { () throws(AudioCoderFailure) in
            audio = try AudioPath(
                input: room.caller.parameters.input, delivery: client.delivery, environment: environment, session: id,
                sink: self)
        }
        if audio == nil { return }
        environment.tick.add(self)
        client.begin(session: id)
        client.warn(of: room.caller.takeUnknownParameters())
        followLife()
    }

    /// Says why the client cannot have what it wants, and closes.
    package func refuse(_ refusal: SessionRefusal) { handle(.failed(refusal.error, refusal.reason)) }

    /// The client has ended the call.
    package func clientClosed() { handle(.clientGone) }

    /// The client's connection ended, and the client has not ended the call. The session waits for the client, or ends if
    /// no later connection can continue it; then its agent still waits for a new session of the same caller.
    package func clientLost(_ loss: ClientLoss = .broken, mayResume: Bool = true) {
        guard !hasEnded, !client.isAway else { return }
        // Who is not told of the session has no token to come back with.
        lifecycle.handle(.clientLost(mayResume: mayResume && client.tellsSession, loss), now: now)
        if lifecycle.isClientAbsent {
            // Half a sample and half a frame of this connection must not run into the sound of the next one.
            perform(.sound(.endTurn))
            client.lose()
        }
        followLife()
    }

    /// The client has a new connection: it gets what was kept for it, and the old one is closed if it is still open.
    /// Returns false when the session is not there any more.
    package func resume(with new: any ClientConnection) -> Bool {
        guard !hasEnded, room.isJoined else { return false }
        lifecycle.handle(.clientResumed, now: now)
        if !client.isAway { perform(.sound(.endTurn)) }
        client.resume(on: new, room.introduction, state.conversation.agentState, now: now)
        onMilestone?(.clientBack)
        followLife()
        return true
    }

    /// The gateway goes: asks a client that can to go on at another one. Returns whether this one can.
    /// - Parameter deadline: until then the session may stay.
    @discardableResult
    package func askToMove(until deadline: Instant) -> Bool {
        guard room.isJoined, !client.isAway, client.tellsSession, let token = room.moveToken else { return false }
        lifecycle.noteMove()
        client.tell(.move(resumeToken: token, seconds: max(0, Int((deadline - now).components.seconds))))
        return true
    }

    /// The gateway is going down: tells the client, leaves the room, closes.
    package func shutDown() { handle(.shutdown) }

    /// The operator ends the call: the client is told, and the agent's session ends.
    package func endCall() { handle(.endedByOperator) }

    /// Does what the client could ask for, because the operator asks for it.
    package func act(_ event: ClientEvent) {
        follow(event.actions)
    }

    private func attempt(_ work: () throws(AudioCoderFailure) -> Void) {
        do throws(AudioCoderFailure) { try work() } catch { refuse(SessionRefusal(error)) }
    }

    private func handle(_ input: SessionLifecycle.Input) {
        lifecycle.handle(input, now: now)
        followLife()
    }

    private func handleTimeout() {
        lifecycle.handleTimeout(now: now)
        follow(state.handleTimeout(lastSpeech: audio?.lastSpeech, now: now))
    }

    /// Does what the life cycle asks for, then sets the timer.
    private func followLife() {
        while let action = lifecycle.poll() {
            switch action {
            case .join:
                lifecycle.agentName = room.caller.agentName
                state.expectsAgent = lifecycle.expectsAgent
                room.join(delegate: self)
            case .tell(let event):
                if case .error(let error) = event, error.code == .agentTimeout { onMilestone?(.agentMissing) }
                client.tell(event)
            case .askForAgent: room.explainAbsence()
            case .leave(let departure): room.leave(departure)
            case .close(let reason, let message): client.close(reason, message: message)
            case .finish: finish()
            }
        }
        if !hasEnded { timer?.follow(Instant.earliest(lifecycle.nextDeadline, state.nextDeadline)) }
    }

    private func finish() {
        timer?.cancel()
        environment.tick.remove(self)
        audio?.close()
        if let end = lifecycle.ending { onEnded?(SessionRecord(end, room, client, state, currentStatistics, now: now)) }
        (onEnded, onMilestone) = (nil, nil)
    }

    // MARK: What parts ask for

    private func perform(_ actions: [SessionAction]) {
        for action in actions where !hasEnded { perform(action) }
    }

    private func perform(_ action: SessionAction) {
        switch action {
        case .tell(let event): client.tell(event)
        case .complain(let error): client.complain(error, now: now)
        case .answer(let event): client.answer(event)
        case .send(let frame): client.send(frame)
        case .discardSound:
            state.noteInterruption()
            perform(.sound(.discard))
            client.discardSound(now: now)
        case .playedOut: client.notePlayedOut()
        case .hangUp:
            handle(.clientGone)
            client.close(code: 1000, reason: "")
        case .life(let input): lifecycle.handle(input, now: now)
        case .activity: lifecycle.noteActivity(now: now)
        case .note(let milestone): onMilestone?(milestone)
        case .sound(let order):
            attempt { () throws(AudioCoderFailure) in
                for error in try audio?.perform(order) ?? [] { client.complain(error, now: now) }
            }
        case .connectSound: if let connection = room.connection { audio?.connect(to: connection) }
        case .release:
            guard !room.isInterrupted else { return }
            perform(.sound(.release))
            room.deliverWaiting()
        case .endTurn:
            state.conversation.endTurn()
            perform(.sound(.endTurn))
        case .interrupt:
            room.interrupt(state.agents)
            guard !state.agents.isEmpty else { return }
            perform(.sound(.suppress(isSpeaking: state.conversation.agentState == .speaking)))
        case .brief: perform(room.brief(isHeard: state.isHeard))
        case .callClient(let call): perform(client.take(call))
        case .endCall(let id, let outcome): perform(room.end(call: id, outcome))
        case .tellHeard(let milliseconds, let text): room.tell(heard: milliseconds, text, to: state.agents.first)
        case .callAgent(let call): perform(room.call(call, of: state.agents.first))
        case .deliver(let event): perform(room.deliver(event, isHeard: state.isHeard))
        case .configure(let object): perform(room.configure(object, isInRoom: lifecycle.hasJoined))
        case .adopt:
            let isNewlyTold = client.adopt(room.caller.parameters)
            perform(changeOfFormats)
            if isNewlyTold, room.isJoined, !hasEnded { client.tell(.session(room.introduction)) }
        }
    }

    private var changeOfFormats: SessionAction {
        .sound(.change(input: room.caller.parameters.input, delivery: client.delivery))
    }

    // MARK: From the client

    /// A binary message. The bytes are not needed after the call.
    package func receive(binary bytes: RawSpan) {
        guard takesMessage() else { return }
        let (actions, sound) = client.receive(binary: bytes.octets)
        perform(actions)
        if let audio, audio.delivery != client.delivery { perform(changeOfFormats) }
        if let sound {
            lifecycle.handle(.clientSpoke, now: now)
            for error in audio?.receive(bytes.extracting(sound)) ?? [] { client.complain(error, now: now) }
        }
        followLife()
    }

    package func receive(text bytes: [UInt8]) {
        guard takesMessage() else { return }
        follow(client.receive(text: bytes))
    }

    /// The next piece of a text message that is too large to be taken at once.
    /// - Parameter expected: how long the message is, as far as that is known.
    package func receive(textPiece bytes: RawSpan, isLast: Bool, expected: Int) {
        guard !hasEnded else { return }
        if !client.isInLargeMessage {
            client.beginLargeMessage(isTaken: takesMessage(), expected: expected)
        } else {
            lifecycle.noteActivity(now: now)
        }
        let actions = client.receive(textPiece: bytes, isLast: isLast)
        if !hasEnded { follow(actions) }
    }

    /// A message was too large to be received.
    package func skipped(messageOf byteCount: Int) {
        client.giveUpLargeMessage()
        guard takesMessage() else { return }
        client.complain(ofMessageOf: byteCount, now: now)
        handle(.clientSpoke)
    }

    private func takesMessage() -> Bool {
        guard !hasEnded else { return false }
        lifecycle.noteActivity(now: now)
        let reception = client.countMessage(now: now)
        if case .refused(let refusal) = reception { refuse(refusal) }
        return reception == .taken
    }
}

extension BridgeSession: RoomLinkDelegate {
    package func room(_ connection: any RoomConnection, event: RoomEvent) {
        guard !hasEnded, connection === room.connection else { return }
        perform(room.handle(event))
        if case .trackSubscribed(let track) = event {
            attempt { () throws(AudioCoderFailure) in try audio?.add(track) }
        }
        follow(state.handle(event, lastSpeech: audio?.lastSpeech, now: now))
    }

    func follow(_ actions: [SessionAction]) {
        perform(actions)
        followLife()
    }
}

extension BridgeSession: MediaTickClient, DownlinkSink {
    package func mediaTick(now: Instant) {
        guard let audio, !hasEnded else { return }
        for _ in 0..<audio.tick(now: now) {
            // All sound of a turn that the caller has ended is in the room.
            state.conversation.notePlayed(now: now)
            room.call(environment.configuration.turnRPCMethod, of: state.agents.first)
        }
        if let error = audio.takeTrackReport() { client.tell(.error(error)) }
        if let change = state.followCaller(lastSpeech: audio.lastSpeech, at: audio.playedMilliseconds, now: now) {
            client.tell(.callerSpeech(change.speaks, at: change.place))
        }
        if audio.isAnyoneSpeaking { lifecycle.noteActivity(now: now) }
        if client.hasSoundUnderWay { client.sendHeldSound(as: audio.delivery, now: now) }
        let isHeard = client.isHoldingSound || audio.isVoiceHeard(hasState: state.conversation.agentState != nil)
        perform(state.follow(isVoiceHeard: isHeard, now: now))
    }

    package func downlink(sound bytes: RawSpan) {
        guard let audio else { return }
        if audio.hasVoice { perform(state.noteSound(lastSpeech: audio.lastSpeech, now: now)) }
        client.send(sound: bytes, as: audio.delivery, now: now)
        audio.noteSent()
    }
}
