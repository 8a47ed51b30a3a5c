internal import EventLoops
internal import Observability
internal import PeerConnection
package import Signalling
internal import Wire

/// The signalling connection: opening it, what it brings, and getting it back.
extension RoomParticipant: SignalConnectionDelegate {
    /// Requests that wait while the connection is away.
    static var maximumWaitingRequests: Int { 256 }

    // MARK: Attempts

    /// Opens the signalling socket for a join or, in a reconnect, for whatever the attempt is.
    func openSignal() {
        let isResume = attempt == .resume
        let request = JoinRequest.with {
            $0.clientInfo = configuration.clientInfo
            // Off, and on purpose: audio tracks are asked for one by one, and video never.
            $0.connectionSettings = ConnectionSettings()
            if isResume {
                $0.reconnect = true
                $0.reconnectReason = .signalDisconnected
                $0.participantSid = view.local.sid
            }
        }
        stage = .signal
        stageTimer?.arm(after: configuration.connectTimeout + configuration.joinTimeout)
        let connection = SignalConnection(
            context: webSockets, server: configuration.server, token: token, request: request, path: path,
            mayFallBack: !isResume, connectTimeout: configuration.connectTimeout, log: log, delegate: self)
        signal = connection
        connection.open()
    }

    func signalOpened(_ signal: SignalConnection) {
        guard signal === self.signal else { return }
        path = signal.path
        stageTimer?.arm(after: configuration.joinTimeout)
    }

    func signalEnded(_ signal: SignalConnection, _ error: ParticipantError?) {
        guard signal === self.signal else { return }
        self.signal = nil
        let reason = error ?? ParticipantError(.unreachable, "the signalling connection was closed")
        lost(.signalDisconnected, reason, isOutOfReach: !signal.hasOpened && reason.saysNothingOfSessions)
    }

    func stageTimedOut() {
        switch stage {
        case .none: break
        case .pause: openAttempt()
        case .signal: lost(.signalDisconnected, ParticipantError(.timedOut))
        case .media: lost(.publisherFailed, ParticipantError(.mediaUnreachable))
        }
    }

    /// Something that we need is gone. Starts to reconnect, or goes on to the next attempt.
    /// - Parameter isOutOfReach: the attempt did not get as far as the server's word about the session.
    func lost(
        _ reason: ReconnectReason, _ error: ParticipantError, mayResume: Bool = true, isOutOfReach: Bool = false
    ) {
        lastFailure = error
        log.info("connection lost", ["state": "\(state)", "reason": reason.name, "error": "\(error)"])
        switch state {
        case .idle, .closed: return
        case .joining:
            // What blocks media will mostly still do so: one more try is all that a caller should wait for.
            if error.kind == .mediaUnreachable { retriesLeft = min(retriesLeft, 1) }
            guard error.isRetryable, retriesLeft > 0 else { return finish(.failed(error)) }
            dropAttempt()
            session?.close()
            session = nil
            if policy.attemptCount == 0 {
                policy = ReconnectPolicy(mayResume: false)
                _ = policy.next(random: &random)
            }
            retriesLeft -= 1
            pauseBeforeAttempt()
        case .connected:
            state = .reconnecting
            policy.lost(
                mayResume: mayResume && session?.mayResume == true, uptime: loop.now - (connectedAt ?? loop.now))
            dropAttempt()
            emit(.reconnecting)
            if state == .reconnecting { pauseBeforeAttempt() }
        case .reconnecting:
            guard error.isRetryable || error.kind == .negotiationFailed else { return finish(.failed(error)) }
            // One failed resume is enough: the session may be gone, and joining anew always works. But a server that
            // cannot be asked keeps the session as long as media flows (docs/livekit-protocol.md#resuming).
            let isKept = isOutOfReach && session?.isConnected == true
            if !mayResume || attempt == .resume && !isKept { policy.resumeIsImpossible() }
            dropAttempt()
            pauseBeforeAttempt()
        }
    }

    private func dropAttempt() {
        signal?.close()
        signal = nil
        stage = .none
        stageTimer?.cancel()
    }

    private func pauseBeforeAttempt() {
        guard let (next, pause) = policy.next(random: &random) else {
            return finish(.failed(ParticipantError(.reconnectFailed, lastFailure.map { "\($0)" } ?? "")))
        }
        attempt = state == .joining ? nil : next
        stage = .pause
        stageTimer?.arm(after: pause)
    }

    private func openAttempt() {
        if attempt == .full {
            session?.close()
            session = nil
        }
        openSignal()
    }

    // MARK: Messages

    func signal(_ signal: SignalConnection, received message: SignalResponse.Message) {
        guard signal === self.signal, state != .closed else { return }
        switch message {
        case .join(let join): joined(join, signal)
        case .reconnect(let response): resumed(response, signal)
        case .answer(let description): accept(answer: description)
        case .offer(let description): accept(offer: description)
        case .trickle(let trickle): accept(trickle)
        case .update(let update): apply(view.update(update.participants))
        case .roomUpdate(let update): if let room = update.room { apply(view.update(room)) }
        case .speakersChanged(let change): apply(view.update(change.speakers))
        case .trackPublished(let response): published(response)
        case .leave(let leave): left(leave)
        case .mute(let mute):
            if mute.sid == microphone?.sid {
                microphone?.isMuted = mute.muted
                emit(.microphoneMuted(mute.muted))
            }
        case .refreshToken(let newer): token = newer
        case .trackUnpublished(let response):
            if response.trackSid == microphone?.sid { emit(.microphoneRefused("the server unpublished the track")) }
        case .subscriptionResponse(let response):
            requestedTracks.remove(response.trackSid)
            log.warning("subscription failed", ["track": response.trackSid, "error": response.err.name])
        case .requestResponse(let response): answered(response)
        case .trackSubscribed(let response):
            if response.trackSid == microphone?.sid { emit(.microphoneSubscribed) }
        case .roomMoved(let move): moved(move)
        case .mediaSectionsRequirement(let requirement): require(requirement)
        case .connectionQuality, .subscriptionPermissionUpdate, .pong, .pongResp, .subscribedAudioCodecUpdate: break
        }
    }

    private func joined(_ join: JoinResponse, _ signal: SignalConnection) {
        guard stage == .signal, attempt != .resume, let room = join.room, let local = join.participant,
            !local.sid.isEmpty
        else {
            return lost(.unknown, ParticipantError(.negotiationFailed, "an unexpected join response"), mayResume: false)
        }
        signal.startPings(interval: join.pingInterval, timeout: join.pingTimeout)
        log.info("joined", ["sid": local.sid, "path": "\(signal.path)"])
        requestedTracks = []
        outbox = ReliableOutbox()
        inbox = ReliableInbox()
        resendAfter = nil
        if attempt == .full { forgetSession() }
        stage = .media
        stageTimer?.arm(after: configuration.mediaTimeout)
        do throws(ParticipantError) {
            session = try makeSession(join, signal)
        } catch {
            return finish(.failed(error))
        }
        let changes = view.joined(join)
        if state == .joining { emit(.joined(room, local)) }
        // The delegate may have left, or begun to publish, in the meantime.
        guard state != .closed else { return }
        startSession()
        apply(changes)
        // After a full reconnect nothing about the others need have changed; our subscriptions are gone all the same.
        subscribeToAll()
    }

    /// The old session is gone: what was under way in it will not end by itself, and requests about its tracks mean
    /// nothing to the new one.
    private func forgetSession() {
        for event in assembler.senderLeft(sid: nil) { emit(event) }
        waitingRequests.removeAll { if case .updateMetadata = $0 { false } else { true } }
        let waiting = waitingRequests.compactMap { if case .updateMetadata(let it) = $0 { it.requestId } else { nil } }
        for (id, completion) in pendingUpdates where !waiting.contains(id) {
            pendingUpdates[id] = nil
            completion(.with { $0.reason = .unclassifiedError })
        }
    }

    private func resumed(_ response: ReconnectResponse, _ signal: SignalConnection) {
        guard stage == .signal, attempt == .resume, let session else {
            return lost(.unknown, ParticipantError(.negotiationFailed, "an unexpected resume"), mayResume: false)
        }
        signal.startPings(interval: session.pingInterval, timeout: session.pingTimeout)
        view.resumed()
        resendAfter = response.lastMessageSeq
        stage = .media
        stageTimer?.arm(after: configuration.mediaTimeout)
        signal.send(.syncState(syncState(session)))
        session.forgetOffer()
        negotiate(iceRestart: true)
    }

    /// Media is up, or up again.
    func mediaConnected() {
        guard stage == .media, session?.isReady == true else { return }
        stage = .none
        stageTimer?.cancel()
        let wasReconnecting = state == .reconnecting
        let isNewSession = attempt != .resume
        state = .connected
        connectedAt = loop.now
        attempt = nil
        retriesLeft = 0
        lastFailure = nil
        let requests = waitingRequests
        waitingRequests = []
        for request in requests { signal?.send(request) }
        if let resendAfter {
            for bytes in outbox.resend(after: resendAfter) { session?.send(bytes, isReliable: true) }
            self.resendAfter = nil
        }
        flushWaitingPackets()
        emit(wasReconnecting ? .reconnected(isNewSession: isNewSession) : .connected)
    }

    private func left(_ leave: LeaveRequest) {
        log.info("server says leave", ["reason": leave.reason.name, "action": leave.action.name])
        let error = ParticipantError(.removed(leave.reason))
        switch leave.action {
        case .resume: lostByOrder(error, mayResume: true)
        case .reconnect: lostByOrder(error, mayResume: false)
        default: finish(.removed(leave.reason))
        }
    }

    /// The server wants us to come back; that it sent us away is no reason not to.
    private func lostByOrder(_ error: ParticipantError, mayResume: Bool) {
        lost(.unknown, ParticipantError(.unreachable, "\(error)"), mayResume: mayResume)
    }

    private func moved(_ move: RoomMovedResponse) {
        token = move.token.isEmpty ? token : move.token
        requestedTracks = []
        apply(
            view.joined(
                .with {
                    $0.room = move.room
                    $0.participant = move.participant
                    $0.otherParticipants = move.otherParticipants
                }))
        subscribeToAll()
    }

    // MARK: Changes of the room

    func apply(_ changes: [RoomChange]) {
        for change in changes {
            guard state != .closed else { return }
            switch change {
            case .trackPublished(let track, _):
                emit(.room(change))
                subscribe([track])
            case .trackUnpublished(let track, _):
                let wasFull = requestedTracks.count >= configuration.maximumSubscribedTracks
                requestedTracks.remove(track.sid)
                session?.unpublished(sid: track.sid)
                emit(.room(change))
                if wasFull { subscribeToAll() }
            case .participantLeft(let participant, _):
                for event in assembler.senderLeft(sid: participant.sid) { emit(event) }
                calls.participantLeft(identity: participant.identity)
                drainCalls()
                emit(.room(change))
            default: emit(.room(change))
            }
        }
        session?.announceTracks()
    }

    // MARK: Requests

    /// Sends a request, or keeps it until the connection is back.
    func request(_ message: SignalRequest.Message) {
        if state == .connected || stage == .media && attempt != .resume {
            if signal?.send(message) == true { return }
        }
        guard state != .closed, waitingRequests.count < Self.maximumWaitingRequests else { return }
        waitingRequests.append(message)
    }

    private func answered(_ response: RequestResponse) {
        if let update = pendingUpdates.removeValue(forKey: response.requestId) { return update(response) }
        switch response.request {
        case .addTrack(let request) where request.cid == microphone?.cid && response.reason != .queued:
            if response.reason != .ok { emit(.microphoneRefused("\(response.reason.name) \(response.message)")) }
        default:
            if response.reason != .ok {
                log.warning("request refused", ["reason": response.reason.name, "message": response.message])
            }
        }
    }
}

/// Changing our own entry.
extension RoomParticipant {
    /// Changes our attributes, metadata or name. Nil leaves a field as it is, an empty attribute deletes its key.
    /// The completion gets the server's answer; `ok` in its reason means done.
    package func update(
        attributes: [String: String] = [:], metadata: String? = nil, name: String? = nil,
        completion: ((RequestResponse) -> Void)? = nil
    ) {
        lastRequestID &+= 1
        if let completion { pendingUpdates[lastRequestID] = completion }
        request(
            .updateMetadata(
                .with {
                    $0.attributes = attributes
                    $0.metadata = metadata ?? ""
                    $0.name = name ?? ""
                    $0.requestId = lastRequestID
                }))
    }
}
