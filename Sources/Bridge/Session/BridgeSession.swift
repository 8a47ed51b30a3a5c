package import ClientProtocol
package import Wire

/// One client and the participant that stands for it in a room: joins, dispatches the agent, and carries sound, texts
/// and data both ways until one side goes. The parts own what there is to know and decide; what happens is passed to
/// the part whose affair it is, and what that asks for is done. Belongs to one loop.
package final class BridgeSession {
    package let id: String
    /// Called once, when everything is over.
    package var onEnded: ((SessionStatistics) -> Void)?

    let environment: SessionEnvironment
    let startedAt: Instant
    var timer: (any SessionTimer)?
    var lifecycle: SessionLifecycle
    var caller: CallerProfile
    var link: ClientLink
    var room = RoomLink()
    var roster = Roster()
    var hearing: Hearing
    var dispatch = AgentDispatch()
    var waiting: WaitingMessages
    var conversation: Conversation
    /// Nil until the session is started.
    var audio: AudioPath?

    /// - Parameters:
    ///   - dialect: made for these parameters.
    ///   - parameters: with the query of the client already applied.
    ///   - policy: what the client may choose; nil for everything.
    ///   - resumeToken: what the client proves with that a later connection is its own; nil when it cannot come back.
    ///   - random: for the names of rooms and callers that have none.
    package init(
        client: any ClientConnection, dialect: any ClientDialect, parameters: SessionParameters,
        environment: SessionEnvironment, policy: (any SessionPolicy)? = nil, resumeToken: String? = nil,
        random: inout some RandomNumberGenerator
    ) {
        let now = environment.clock.now
        let limits = environment.configuration.limits
        self.environment = environment
        startedAt = now
        id = "S_" + RandomName.hexadecimal(16, using: &random)
        caller = CallerProfile(
            parameters, policy: policy, resumeToken: resumeToken, defaultAgent: environment.configuration.agentName,
            random: &random)
        link = ClientLink(client, dialect: dialect, limits: limits, now: now)
        var lifeLimits = limits
        if let wait = dialect.descriptor.configurationWait { lifeLimits.configWait = wait }
        lifecycle = SessionLifecycle(limits: lifeLimits, now: now)
        hearing = Hearing(limits: limits)
        waiting = WaitingMessages(limits: limits)
        conversation = Conversation(limits: limits)
        timer = environment.clock.makeTimer { [weak self] in self?.handleTimeout() }
    }

    var now: Instant { environment.clock.now }

    /// Whether the session is over.
    package var hasEnded: Bool { lifecycle.hasEnded }

    /// Whether the session waits for its client to come back.
    package var isClientAbsent: Bool { lifecycle.isClientAbsent }

    /// The numbers so far.
    package var currentStatistics: SessionStatistics {
        var numbers = audio?.numbers ?? SessionStatistics()
        numbers.clientMessages = link.messagesReceived
        numbers.clientAudioBytes = link.audioBytesReceived
        numbers.audioMessagesSent = link.audioMessagesSent
        numbers.audioBytesSent = link.audioBytesSent
        numbers.audioMessagesDropped = link.droppedAudioMessages
        numbers.eventsSent = link.eventsSent
        numbers.faultyMessages = link.faultyMessages
        numbers.repliesPlayedOut = link.repliesPlayedOut
        numbers.joinedAfter = hearing.joined.map { Int(($0 - startedAt).milliseconds) }
        numbers.heardAfter = hearing.firstHeard.map { Int(($0 - startedAt).milliseconds) }
        return numbers
    }

    /// What is known about the client's dialect.
    package var descriptor: DialectDescriptor { link.descriptor }
    /// How the client gets its sound now.
    package var delivery: SoundDelivery { link.delivery }
    /// What the client has chosen so far.
    package var parameters: SessionParameters { caller.parameters }

    // MARK: Life

    /// Accepts the client.
    package func start() {
        guard audio == nil, !hasEnded else { return }
        do throws(SessionRefusal) {
            try caller.examine()
        } catch {
            return refuse(error.error, error.reason)
        }
        do throws(AudioCoderFailure) {
            audio = try AudioPath(
                input: caller.parameters.input, delivery: link.delivery,
                environment: environment, session: id, sink: self)
        } catch {
            return fail(error)
        }
        environment.tick.add(self)
        link.tell(.ready)
        warnOfUnknownParameters()
        perform()
    }

    /// Refuses a client whose parameters cannot be understood: says what is wrong and closes.
    package func refuse(_ error: InvalidParameter) { refuse(error.clientError, .invalidParameter) }

    /// Refuses a client: says why and closes.
    package func refuse(_ error: ClientError, _ reason: ClosingReason) { handle(.failed(error, reason)) }

    /// The client has said goodbye.
    package func clientClosed() { handle(.clientGone) }

    /// The client's connection ended without a goodbye. The session waits for the client, or ends if it must not; then
    /// its agent still waits for a while for a new session of the same caller.
    ///
    /// - Parameter mayResume: false when no later connection can continue the session.
    package func clientLost(mayResume: Bool = true) {
        guard !hasEnded, !link.isAway else { return }
        // Who is not told of the session has no token to come back with.
        let mayResume = mayResume && link.tellsSession
        lifecycle.handle(.clientLost(mayResume: mayResume), now: now)
        if lifecycle.isClientAbsent {
            // Half a sample and half a frame of this connection must not run into the sound of the next one.
            audio?.uplink?.endTurn(now: now)
            link.lose()
        }
        perform()
    }

    /// The client has a new connection: it gets what was kept for it, and the old one is closed if it is still open.
    ///
    /// - Returns: false when the session is not there any more.
    package func resume(with new: any ClientConnection) -> Bool {
        guard !hasEnded, room.isJoined else { return false }
        lifecycle.handle(.clientResumed, now: now)
        if !link.isAway { audio?.uplink?.endTurn(now: now) }
        link.resume(on: new, caller.summary(session: id))
        if let state = conversation.agentState { link.tell(.agentState(state)) }
        perform()
        return true
    }

    /// The gateway is going down: tells the client, leaves the room, closes.
    package func shutDown() { handle(.shutdown) }

    func fail(_ failure: AudioCoderFailure) {
        refuse(
            ClientError(.internalError, failure.message, blame: .gateway, isRetryable: true), .internalError)
    }

    func handle(_ input: SessionLifecycle.Input) {
        lifecycle.handle(input, now: now)
        perform()
    }

    private func handleTimeout() {
        let now = now
        lifecycle.handleTimeout(now: now)
        for transcript in conversation.handleTimeout(now: now) { link.tell(.transcript(transcript)) }
        passIntroducedData()
        updateHearing()
        perform()
    }

    /// Does what the life cycle asks for, then sets the timer.
    func perform() {
        while let action = lifecycle.poll() {
            switch action {
            case .join: joinRoom()
            case .tell(let event): link.tell(event)
            case .leave(let departure): room.leave(departure)
            case .close(let reason, let message): link.close(reason, message: message)
            case .finish: finish()
            }
        }
        guard !hasEnded else { return }
        let deadlines = [
            lifecycle.nextDeadline, conversation.nextDeadline, waiting.fromRoom.nextDeadline, hearing.nextDeadline,
        ]
        if let deadline = deadlines.compactMap(\.self).min() { timer?.arm(at: deadline) } else { timer?.cancel() }
    }

    private func finish() {
        timer?.cancel()
        timer = nil
        environment.tick.remove(self)
        audio?.close()
        caller.identityRight = nil
        let onEnded = onEnded
        self.onEnded = nil
        onEnded?(currentStatistics)
    }
}

// MARK: - Sound

extension BridgeSession: MediaTickClient, DownlinkSink {
    package func mediaTick(now: Instant) {
        guard let audio, !hasEnded else { return }
        for _ in 0..<audio.tick(now: now) { turnPlayed() }
        if conversation.endReplyIfFinished(isAudible: audio.isAudible, now: now) { audio.endReply() }
        if conversation.isNextTurn(isAudible: audio.isAudible, now: now) { link.tell(.replyFinished) }
    }

    /// All sound of a turn that the caller has ended is in the room.
    private func turnPlayed() {
        conversation.notePlayed(now: now)
        guard let method = environment.configuration.turnRPCMethod, let agent = roster.agents.first else { return }
        room.connection?.performRPC(to: agent, method: method, payload: "")
    }

    package func downlink(sound bytes: UnsafeRawBufferPointer) {
        guard let audio else { return }
        if conversation.noteSound() { link.tell(.replyStarted) }
        lifecycle.noteActivity(now: now)
        // SAFETY: the bytes are only read during the call.
        unsafe link.send(sound: bytes, as: audio.delivery)
        audio.noteSent()
    }
}
