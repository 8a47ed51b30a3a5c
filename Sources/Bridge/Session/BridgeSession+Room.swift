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
        guard !agentName.isEmpty, dispatch == .none || dispatch == .failedEarly else { return }
        dispatch = .running
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
    private func dispatched(_ result: Result<Void, Failure>, _ briefing: AgentBriefing) {
        guard !hasEnded else { return }
        self.briefing = briefing
        switch result {
        case .success: dispatch = .done
        case .failure(let failure): dispatchFailed(failure)
        }
        brief()
    }

    private var wantedBriefing: AgentBriefing {
        AgentBriefing(instructions: parameters.instructions, fields: parameters.agentFields)
    }

    /// Tells an agent that has its job already what the client has changed since: as data, when it hears, and the
    /// instructions also as an attribute, for agents that come later.
    func brief() {
        guard isRoomReady, let room, agentName.isEmpty || briefing != nil else { return }
        let new = wantedBriefing
        let old = briefing ?? AgentBriefing()
        guard new != old else { return }
        briefing = new
        if let instructions = new.instructions, instructions != old.instructions {
            room.setAttributes([RoomTopics.instructionsAttribute: instructions])
        }
        deliver(.data(topic: RoomTopics.configuration, payload: new.update(since: old).serializedBytes()))
    }

    private func dispatchFailed(_ failure: Failure) {
        if !isRoomReady {
            dispatch = .failedEarly
            return
        }
        dispatch = .done
        tell(.error(ClientError(.dispatchFailed, "the agent \"\(agentName)\" cannot be dispatched", failure)))
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
            if isHeard { uplink?.release(now: now) }
            deliverWaiting()
        case .microphonePublished(let track):
            if !isMicrophonePublished { environment.meter?.published(after: now - startedAt) }
            isMicrophonePublished = true
            if let old = transcripts.callerTrack, old != track { forgetHearing() }
            transcripts.callerTrack = track
            if uplink?.isMuted == true { room?.setMuted(true) }
            uplink?.start(now: now)
            updateHearing()
        case .microphoneSubscribed:
            isMicrophoneSubscribed = true
            updateHearing()
        case .participantJoined(let participant):
            participantJoined(participant)
            passStrangersData()
        case .participantChanged(let participant): participantChanged(participant)
        case .participantLeft(let identity, let reason): participantLeft(identity, reason: reason)
        case .trackSubscribed(let track, let participant):
            trackOwners[track] = participant
            do throws(AudioCoderFailure) {
                try downlink?.addTrack(track, participant: participant, now: now)
            } catch {
                fail(error)
            }
        case .trackMuted(let track, let isMuted): downlink?.setMuted(track, isMuted)
        case .trackEnded(let track):
            trackOwners[track] = nil
            downlink?.removeTrack(track)
        case .spoken(let text):
            lifecycle.noteActivity(now: now)
            let isAgent = participants[text.participant]?.isAgent == true
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
        statistics.joinedAfter = Int((now - startedAt).milliseconds)
        environment.meter?.joined(after: now - startedAt)
        tellSession()
        lifecycle.handle(.roomJoined, now: now)
        dispatchAgent()
        brief()
        updateHearing()
    }

    // MARK: Participants

    /// Whether a participant is an agent of its own, not the face of another one.
    private func isAgent(_ participant: RoomMember) -> Bool {
        participant.isAgent && participant.attributes[RoomTopics.publishOnBehalf] == nil
    }

    private func participantJoined(_ participant: RoomMember) {
        guard participants[participant.identity] == nil else { return participantChanged(participant) }
        participants[participant.identity] = participant
        if isAgent(participant) {
            agentJoined(participant)
        } else {
            countOthers()
        }
    }

    private func participantChanged(_ participant: RoomMember) {
        guard let old = participants[participant.identity] else { return participantJoined(participant) }
        participants[participant.identity] = participant
        if isAgent(participant), !agents.contains(participant.identity) { return agentJoined(participant) }
        if participant.identity == agents.first,
            participant.attributes[RoomTopics.agentState] != old.attributes[RoomTopics.agentState]
        {
            noteState(of: participant)
        }
    }

    private func participantLeft(_ identity: String, reason: String) {
        guard participants.removeValue(forKey: identity) != nil else { return }
        for (track, owner) in trackOwners where owner == identity {
            trackOwners[track] = nil
            downlink?.removeTrack(track)
        }
        guard let index = agents.firstIndex(of: identity) else { return countOthers() }
        agents.remove(at: index)
        tell(.agentLeft(identity: identity, reason: reason))
        if index == 0 {
            replies.reset()
            if let next = agents.first, let participant = participants[next] { noteState(of: participant) }
        }
        if agents.isEmpty {
            lifecycle.handle(.agentsGone, now: now)
            isMicrophoneSubscribed = false
            isHeard = false
            updateHearing()
            // What the caller says now is for the next agent, if there is nobody else to hear it.
            if !isHeard { uplink?.hold(now: now) }
        }
    }

    private func agentJoined(_ participant: RoomMember) {
        agents.append(participant.identity)
        tell(.agentJoined(identity: participant.identity, name: participant.name))
        lifecycle.handle(.agentJoined, now: now)
        if agents.count == 1 { noteState(of: participant) }
        updateHearing()
    }

    private func countOthers() {
        let count = participants.values.reduce(0) { $0 + ($1.isAgent ? 0 : 1) }
        lifecycle.handle(.othersPresent(count), now: now)
        updateHearing()
    }

    // MARK: State

    private func noteState(of agent: RoomMember) {
        guard let state = agent.attributes[RoomTopics.agentState].flatMap(AgentState.init(rawValue:)) else { return }
        change(to: state)
    }

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

    /// The connection to the room was made anew, with another track that nobody hears yet.
    private func forgetHearing() {
        isMicrophoneSubscribed = false
        isHeard = false
        hearableSince = nil
        uplink?.hold(now: now)
    }

    /// Decides whether somebody hears the caller, and lets the sound go when that begins.
    ///
    /// An agent hears when it has subscribed to our track and shows that its session runs, by any state beyond
    /// `initializing`. Agents that show no state are given a moment. Without an agent to wait for, and when none has
    /// come in time but other people are there, the sound goes as soon as it can.
    func updateHearing() {
        guard !isHeard, isMicrophonePublished, !hasEnded else { return }
        if agents.isEmpty {
            hearableSince = nil
            let isOverdue = statistics.joinedAfter.map {
                now - startedAt >= .milliseconds($0) + limits.agentTimeout
            }
            let hasPeople = participants.values.contains { !$0.isAgent }
            if lifecycle.expectsAgent, !(hasPeople && isOverdue == true) { return }
        } else {
            let state = replies.state
            guard state != .initializing else {
                hearableSince = nil
                return
            }
            if !(isMicrophoneSubscribed && state != nil) {
                // One of the two signs is missing: some agents show no state, and a track that somebody else has
                // subscribed to earlier is not reported again.
                guard isMicrophoneSubscribed || state != nil else { return }
                let since = hearableSince ?? now
                hearableSince = since
                guard now - since >= limits.silentAgentGrace else { return }
            }
        }
        isHeard = true
        hearableSince = nil
        if statistics.heardAfter == nil { statistics.heardAfter = Int((now - startedAt).milliseconds) }
        if !isRoomInterrupted { uplink?.release(now: now) }
        deliverWaiting()
    }

    // MARK: Data

    private func receive(_ message: ApplicationData) {
        guard !message.topic.hasPrefix(RoomTopics.reservedPrefix) else { return }
        // Data and the news of who joined travel on different ways: an agent's first packets may overtake it.
        if !message.sender.isEmpty, participants[message.sender] == nil, strangersData.count < Self.maximumUndelivered {
            strangersData.append((message, now + limits.strangerGrace))
            return
        }
        pass(message)
    }

    /// Passes on what a stranger has sent when he is introduced, or when nobody has introduced him in time.
    func passStrangersData() {
        guard !strangersData.isEmpty else { return }
        let now = now
        let waiting = strangersData
        strangersData = []
        for (message, deadline) in waiting {
            if participants[message.sender] != nil || deadline <= now {
                pass(message)
            } else {
                strangersData.append((message, deadline))
            }
        }
    }

    private func pass(_ message: ApplicationData) {
        guard participants[message.sender]?.isAgent == true, message.payload.first == UInt8(ascii: "{"),
            let text = String(validating: message.payload, as: UTF8.self),
            let json = try? JSONValue(parsing: message.payload), json.object != nil
        else { return tell(.data(message)) }
        tell(.verbatim(text))
        if let transcript = transcripts.take(json: json, from: message.sender, now: now) { tell(transcript) }
        let type = json["type"]?.string
        let hasStateAttribute = participants[message.sender]?.attributes[RoomTopics.agentState] != nil
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
