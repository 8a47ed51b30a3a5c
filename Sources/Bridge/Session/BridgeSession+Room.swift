internal import ClientProtocol
package import PeerConnection
internal import Wire

/// What comes from the room.
extension BridgeSession: RoomConnectionDelegate {
    // MARK: Joining

    func joinRoom() {
        lifecycle.expectsAgent = !agentName.isEmpty
        lifecycle.agentName = agentName
        // Nobody else can be in a room whose name nobody knows.
        guard let policy, policy.refusesDuplicates, !hasOwnRoom else { return enterRoom() }
        policy.claim(identity, in: roomName) { [weak self] result in
            guard let self, !hasEnded else { return }
            switch result {
            case .success(let right):
                identityRight = right
                enterRoom()
            case .failure(let refusal): lifecycle.handle(.failed(refusal.error, refusal.reason), now: now)
            }
            perform()
        }
    }

    private func enterRoom() {
        let request = RoomRequest(
            room: roomName, identity: identity, name: parameters.name ?? identity, accessToken: parameters.accessToken)
        room = environment.rooms.join(request, delegate: self)
        // A token's room is known only when it has been verified or joined; one that says how the room is to be made
        // brings agents of its own, which are there once it is joined.
        if parameters.accessToken == nil || bearer?.configuresRoom == false { dispatchAgent() }
    }

    /// Dispatches the agent unless the room has it already. Starts before the room is joined, to win time; a failure
    /// that may come of that is not reported but tried again.
    private func dispatchAgent() {
        guard !agentName.isEmpty, dispatch.begin() else { return }
        let wanted = wantedBriefing
        let metadata = wanted.dispatchMetadata(agentMetadata)
        if hasOwnRoom {
            environment.dispatcher.dispatchAgent(agentName, to: roomName, metadata: metadata) { [weak self] result in
                self?.dispatched(result, wanted)
            }
        } else {
            environment.dispatcher.placeAgent(agentName, in: roomName, metadata: metadata) { [weak self] result in
                // Whoever else has dispatched it knew nothing of this client's wishes.
                self?.dispatched(result.map { _ in }, (try? result.get()) == metadata ? wanted : AgentBriefing())
            }
        }
    }

    /// - Parameter briefing: what the agent has learned by its dispatch.
    private func dispatched(_ result: Result<Void, DispatchFailure>, _ briefing: AgentBriefing) {
        guard !hasEnded else { return }
        if let failure = dispatch.finish(result, briefing: briefing, isInRoom: isRoomReady) {
            let message = "the agent \"\(agentName)\" cannot be dispatched: \(failure.message)"
            tell(.error(ClientError(.dispatchFailed, message, blame: failure.blame, isRetryable: failure.isRetryable)))
        }
        brief()
    }

    private var wantedBriefing: AgentBriefing {
        AgentBriefing(instructions: parameters.instructions, fields: parameters.agentFields)
    }

    /// Tells an agent that has its job already what the client has changed since: as data, when it hears, and the
    /// instructions also as an attribute, for agents that come later.
    func brief() {
        guard isRoomReady, let room,
            let update = dispatch.update(to: wantedBriefing, hasDispatch: !agentName.isEmpty)
        else { return }
        if let instructions = update.instructions {
            room.setAttributes([RoomTopics.instructionsAttribute: instructions])
        }
        deliver(.data(topic: RoomTopics.configuration, payload: update.message.serializedBytes()))
    }

    // MARK: Events

    package func room(_ room: any RoomConnection, event: RoomEvent) {
        guard !hasEnded, room === self.room else { return }
        act(on: event)
        perform()
    }

    package func room(_ room: any RoomConnection, track: String, audio: JitterBufferOutput) {
        guard room === self.room else { return }
        let now = now
        if let meter = environment.meter {
            switch audio {
            case .packet: meter.received()
            case .lost(let samples, _): meter.conceals(samples: samples)
            case .silence: break
            }
        }
        packetArrival = now
        downlink?.receive(audio, track: track, now: now)
        packetArrival = nil
        followPieces()
    }

    private func act(on event: RoomEvent) {
        switch event {
        case .joined(let room, let identity): joined(room: room, identity: identity)
        case .failed(let failure): lifecycle.handle(.roomFailed(failure), now: now)
        case .ended(let why): lifecycle.handle(.roomEnded(why), now: now)
        case .interrupted:
            isRoomInterrupted = true
            uplink?.hold(now: now)
        case .resumed:
            isRoomInterrupted = false
            if hearing.isHeard { uplink?.release(now: now) }
            deliverWaiting()
        case .microphonePublished(let track):
            switch hearing.notePublished(track) {
            case .first: environment.meter?.published(after: now - startedAt)
            case .again: break
            case .replaced: uplink?.hold(now: now)
            }
            transcripts.callerTrack = track
            if uplink?.isMuted == true { room?.setMuted(true) }
            uplink?.start(now: now)
            updateHearing()
        case .microphoneSubscribed:
            hearing.noteSubscribed()
            updateHearing()
        case .participantJoined(let participant):
            act(on: roster.update(participant))
            passUnintroducedData()
        case .participantChanged(let participant): act(on: roster.update(participant))
        case .participantLeft(let identity, let reason): act(on: roster.remove(identity, reason: reason))
        case .trackSubscribed(let track, let participant):
            roster.add(track: track, of: participant)
            do throws(AudioCoderFailure) {
                try downlink?.addTrack(track, participant: participant, now: now)
            } catch {
                fail(error)
            }
        case .trackMuted(let track, let isMuted): downlink?.setMuted(track, isMuted)
        case .trackEnded(let track):
            roster.remove(track: track)
            downlink?.removeTrack(track)
        case .spoken(let text):
            lifecycle.noteActivity(now: now)
            let isAgent = roster[text.participant]?.isAgent == true
            if let transcript = transcripts.take(text, isAgent: isAgent, now: now) { tell(transcript) }
        case .data(let message):
            lifecycle.noteActivity(now: now)
            receive(message)
        case .undelivered(let why):
            tell(.error(ClientError(.undelivered, "a message could not be sent: \(why)", blame: .room)))
        }
    }

    private func joined(room name: String, identity: String) {
        guard !isRoomReady else { return }
        isRoomReady = true
        roomName = name
        self.identity = identity
        transcripts.callerIdentity = identity
        hearing.noteJoined(now: now)
        environment.meter?.joined(after: now - startedAt)
        tellSession()
        lifecycle.handle(.roomJoined, now: now)
        dispatchAgent()
        brief()
        updateHearing()
    }

    // MARK: Participants

    private func act(on changes: [Roster.Change]) {
        for change in changes { act(on: change) }
        updateHearing()
    }

    private func act(on change: Roster.Change) {
        switch change {
        case .agentJoined(let identity, let name):
            tell(.agentJoined(identity: identity, name: name))
            lifecycle.handle(.agentJoined, now: now)
        case .agentLeft(let identity, let reason): tell(.agentLeft(identity: identity, reason: reason))
        case .firstAgentLeft: replies.reset()
        case .noAgentLeft:
            lifecycle.handle(.agentsGone, now: now)
            hearing.noteAgentsGone()
            updateHearing()
            // What the caller says now is for the next agent, if there is nobody else to hear it.
            if !hearing.isHeard { uplink?.hold(now: now) }
        case .state(let state): self.change(to: state)
        case .othersPresent(let count): lifecycle.handle(.othersPresent(count), now: now)
        case .trackEnded(let track): downlink?.removeTrack(track)
        }
    }

    // MARK: State

    private func change(to state: AgentState) {
        guard state != replies.state else { return }
        let outcome = replies.change(
            to: state, lastSpeech: uplink?.detector.lastSpeech, lastTranscript: lastUserTranscript, now: now)
        if outcome == .finished { finishReply() }
        if state != .speaking { downlink?.unsuppress() }
        // A client that is away is told when it comes back.
        if absentClient == nil { tell(.agentState(state)) }
        if outcome == .interrupted { dropPlayback() }
        updateHearing()
    }

    /// Lets the caller's sound and messages go when somebody begins to hear them.
    func updateHearing() {
        let audience = Hearing.Audience(
            hasAgent: !roster.agents.isEmpty, agentState: replies.state, hasPeople: roster.hasPeople,
            expectsAgent: lifecycle.expectsAgent)
        guard !hasEnded, hearing.update(audience, now: now) else { return }
        if !isRoomInterrupted { uplink?.release(now: now) }
        deliverWaiting()
    }

    // MARK: Data

    private func receive(_ message: ApplicationData) {
        guard !message.topic.hasPrefix(RoomTopics.reservedPrefix) else { return }
        let isKnown = message.sender.isEmpty || roster[message.sender] != nil
        if !isKnown, unintroducedData.keep(message, now: now) { return }
        pass(message)
    }

    func passUnintroducedData() {
        for message in unintroducedData.take(now: now, isKnown: { roster[$0] != nil }) { pass(message) }
    }

    private func pass(_ message: ApplicationData) {
        guard roster[message.sender]?.isAgent == true, message.payload.first == UInt8(ascii: "{"),
            let text = String(validating: message.payload, as: UTF8.self),
            let json = try? JSONValue(parsing: message.payload), json.object != nil
        else { return tell(.data(message)) }
        tell(.verbatim(text))
        if let transcript = transcripts.take(json: json, from: message.sender, now: now) { tell(transcript) }
        let type = json["type"]?.string
        let hasStateAttribute = roster[message.sender]?.attributes[RoomTopics.agentState] != nil
        if type == "agent.state", !hasStateAttribute,
            let state = (json["state"]?.string).flatMap(AgentState.init(rawValue:))
        {
            change(to: state)
        }
        // The client has the agent's own word for it; what waits here has to go, too.
        if type == "interrupted" || type == "agent.interrupted" {
            downlink?.discard()
            client.discardQueuedAudio()
        }
    }
}
