internal import ClientProtocol
internal import Wire

/// What comes from the room, and what goes there besides sound.
extension BridgeSession: RoomConnectionDelegate {
    func joinRoom() {
        lifecycle.expectsAgent = !caller.agentName.isEmpty
        lifecycle.agentName = caller.agentName
        // Nobody else can be in a room whose name nobody knows.
        guard let policy = caller.policy, policy.refusesDuplicates, !caller.hasOwnRoom else { return enterRoom() }
        policy.claim(caller.identity, in: caller.roomName) { [weak self] result in
            guard let self, !hasEnded else { return }
            switch result {
            case .success(let right):
                caller.identityRight = right
                enterRoom()
                perform()
            case .failure(let refusal): refuse(refusal.error, refusal.reason)
            }
        }
    }

    private func enterRoom() {
        let connection = environment.rooms.join(caller.roomRequest, delegate: self)
        room.connection = connection
        audio?.connect(to: connection)
        if caller.knowsRoom { dispatchAgent() }
    }

    /// Dispatches the agent unless the room has it already. Starts before the room is joined, to win time; a failure
    /// that may come of that is not reported but tried again.
    private func dispatchAgent() {
        let name = caller.agentName
        guard !name.isEmpty, dispatch.begin() else { return }
        let wanted = caller.briefing
        let metadata = wanted.dispatchMetadata(caller.agentMetadata)
        if caller.hasOwnRoom {
            environment.dispatcher.dispatchAgent(name, to: caller.roomName, metadata: metadata) { [weak self] result in
                self?.dispatched(result, wanted)
            }
        } else {
            environment.dispatcher.placeAgent(name, in: caller.roomName, metadata: metadata) { [weak self] result in
                // Whoever else has dispatched it knew nothing of this client's wishes.
                self?.dispatched(result.map { _ in }, (try? result.get()) == metadata ? wanted : AgentBriefing())
            }
        }
    }

    /// - Parameter briefing: what the agent has learned by its dispatch.
    private func dispatched(_ result: Result<Void, Failure>, _ briefing: AgentBriefing) {
        guard !hasEnded else { return }
        if let failure = dispatch.finish(result, briefing: briefing, isInRoom: room.isJoined) {
            link.tell(
                .error(ClientError(.dispatchFailed, "the agent \"\(caller.agentName)\" cannot be dispatched", failure)))
        }
        brief()
    }

    /// Tells an agent that has its job already what the client has changed since: as data, when it hears, and the
    /// instructions also as an attribute, for agents that come later.
    func brief() {
        guard room.isJoined, let connection = room.connection,
            let update = dispatch.update(to: caller.briefing, hasDispatch: !caller.agentName.isEmpty)
        else { return }
        if let instructions = update.instructions {
            connection.setAttributes([RoomTopics.instructionsAttribute: instructions])
        }
        deliver(.data(topic: RoomTopics.configuration, payload: update.message.serializedBytes()))
    }

    /// Sends a message to the room, or keeps it until somebody can take it.
    func deliver(_ event: ClientEvent) {
        guard hearing.isHeard, let room = room.open else {
            guard !waiting.toRoom.keep(event) else { return }
            let message = "\(UndeliveredMessages.maximumCount) messages already wait for the agent"
            return link.tell(.error(ClientError(.undelivered, message, blame: .room, isRetryable: true)))
        }
        switch event {
        case .text(let text): room.sendText(text, topic: RoomTopics.chat)
        case .data(let topic, let payload): room.publishData(payload, topic: topic, destinations: [])
        case .dtmf(let digits): for digit in digits { room.publishDTMF(digit) }
        default: break
        }
    }

    /// Lets the caller's sound and messages go as soon as somebody hears them.
    private func release() {
        guard hearing.isHeard, !room.isInterrupted else { return }
        audio?.uplink?.release(now: now)
        guard room.isJoined else { return }
        for event in waiting.toRoom.takeAll() { deliver(event) }
    }

    func updateHearing() {
        let audience = Hearing.Audience(
            hasAgent: !roster.agents.isEmpty, agentState: conversation.agentState,
            isAgentStarting: roster.isAgentStarting, hasPeople: roster.hasPeople, expectsAgent: lifecycle.expectsAgent)
        if !hasEnded, hearing.update(audience, now: now) { release() }
    }

    // MARK: Events

    package func room(_ connection: any RoomConnection, event: RoomEvent) {
        guard !hasEnded, connection === room.connection else { return }
        act(on: event)
        perform()
    }

    private func act(on event: RoomEvent) {
        switch event {
        case .joined(let room, let identity): joined(room, as: identity)
        case .failed(let failure): lifecycle.handle(.roomFailed(failure), now: now)
        case .ended(let why): lifecycle.handle(.roomEnded(why), now: now)
        case .interrupted:
            room.isInterrupted = true
            audio?.uplink?.hold(now: now)
        case .resumed:
            room.isInterrupted = false
            release()
        case .microphonePublished(let track): published(track)
        case .microphoneSubscribed:
            hearing.noteSubscribed()
            updateHearing()
        case .participantJoined(let member):
            act(on: roster.update(member))
            passIntroducedData()
        case .participantChanged(let member): act(on: roster.update(member))
        case .participantLeft(let identity, let reason): act(on: roster.remove(identity, reason: reason))
        case .trackSubscribed(let track):
            roster.add(track: track.sid, of: track.participantIdentity)
            do throws(AudioCoderFailure) {
                try audio?.add(track)
            } catch {
                fail(error)
            }
            updateHearing()
        case .trackMuted(let track, let isMuted): audio?.downlink?.setMuted(track, isMuted)
        case .trackEnded(let track):
            roster.remove(track: track)
            audio?.removeTrack(track)
        case .spoken(let text):
            lifecycle.noteActivity(now: now)
            let isAgent = roster[text.participant]?.isAgent == true
            if let transcript = conversation.take(text, isAgent: isAgent, now: now) {
                link.tell(.transcript(transcript))
            }
        case .data(let message):
            lifecycle.noteActivity(now: now)
            guard !message.topic.hasPrefix(RoomTopics.reservedPrefix) else { return }
            let isKnown = message.sender.isEmpty || roster[message.sender] != nil
            if isKnown || !waiting.fromRoom.keep(message, now: now) { pass(message) }
        case .undelivered(let why):
            link.tell(.error(ClientError(.undelivered, "a message could not be sent: \(why)", blame: .room)))
        }
    }

    private func joined(_ name: String, as identity: String) {
        guard room.join() else { return }
        caller.enter(room: name, as: identity)
        conversation.setCaller(identity: identity)
        hearing.noteJoined(now: now)
        environment.meter?.joined(after: now - startedAt)
        link.tell(.session(caller.summary(session: id)))
        lifecycle.handle(.roomJoined, now: now)
        dispatchAgent()
        brief()
        updateHearing()
    }

    private func published(_ track: String) {
        switch hearing.notePublished(track) {
        case .first: environment.meter?.published(after: now - startedAt)
        case .again: break
        case .replaced: audio?.uplink?.hold(now: now)
        }
        conversation.setCaller(track: track)
        if audio?.uplink?.isMuted == true { room.connection?.setMuted(true) }
        audio?.uplink?.start(now: now)
        updateHearing()
    }

    private func act(on changes: [Roster.Change]) {
        for change in changes {
            switch change {
            case .agentJoined(let identity, let name):
                link.tell(.agentJoined(identity: identity, name: name))
                lifecycle.handle(.agentJoined, now: now)
            case .agentLeft(let identity, let reason): link.tell(.agentLeft(identity: identity, reason: reason))
            case .firstAgentLeft: conversation.forgetAgent()
            case .noAgentLeft:
                lifecycle.handle(.agentsGone, now: now)
                hearing.noteAgentsGone()
                updateHearing()
                // What the caller says now is for the next agent, if there is nobody else to hear it.
                if !hearing.isHeard { audio?.uplink?.hold(now: now) }
            case .state(let state):
                act(on: conversation.change(to: state, lastSpeech: audio?.lastSpeech, now: now))
            case .othersPresent(let count): lifecycle.handle(.othersPresent(count), now: now)
            case .trackEnded(let track): audio?.removeTrack(track)
            }
        }
        updateHearing()
    }

    private func act(on actions: [Conversation.Action]) {
        for action in actions {
            switch action {
            case .tell(let event): link.tell(event)
            case .state(let state):
                if state != .speaking { audio?.downlink?.unsuppress() }
                link.tell(.agentState(state))
                updateHearing()
            case .finishReply:
                audio?.endReply()
                link.tell(.replyFinished)
            case .interrupted:
                dropPlayback()
                link.tell(.interrupted)
            case .discardSound: dropPlayback()
            }
        }
    }

    /// Throws away sound on its way to the client.
    func dropPlayback() {
        audio?.downlink?.discard()
        link.discardSound()
    }

    // MARK: Data

    /// Passes on what has waited for the introduction of its sender.
    func passIntroducedData() {
        for message in waiting.fromRoom.take(now: now, isKnown: { roster[$0] != nil }) { pass(message) }
    }

    private func pass(_ message: ApplicationData) {
        act(
            on: conversation.receive(
                message, from: roster[message.sender], lastSpeech: audio?.lastSpeech, now: now))
    }
}
