internal import ClientProtocol
internal import Wire

/// What a session knows of its room and makes of what happens there: who is in it, whether the caller is heard, what is
/// said, and data whose sender is not known yet. Takes events and time, returns what is to be done. Pure.
struct RoomState: ~Copyable {
    /// What is said and whose turn it is.
    var conversation: Conversation
    /// Whether an agent is supposed to come.
    var expectsAgent = true
    private var roster = Roster()
    private var speech = CallerSpeech()
    /// What the subscribed tracks are to the client, as it was last told.
    private var soundRoles: [String: SoundRole] = [:]
    private var hearing: Hearing
    private var unintroduced: UnintroducedData
    /// When the client was accepted.
    let startedAt: Instant
    private var firstSound: Instant?
    /// When the last reply began.
    private var lastReply: Instant?
    private var replies = 0
    private var interruptions = 0
    private var reconnects = 0

    init(limits: Limits, now: Instant) {
        startedAt = now
        conversation = Conversation(limits: limits)
        hearing = Hearing(limits: limits)
        unintroduced = UnintroducedData(grace: limits.introductionGrace)
    }

    /// The agents in the order in which they came.
    var agents: [String] { roster.agents }

    /// Whether somebody hears the caller.
    var isHeard: Bool { hearing.isHeard }

    /// An agent's sound goes to the client now; a reply may begin with it.
    mutating func noteSound(lastSpeech: Instant?, now: Instant) -> [SessionAction] {
        guard conversation.noteSound() else { return [] }
        replies += 1
        if firstSound == nil { firstSound = now }
        return milestonesOfReply(lastSpeech: lastSpeech, now: now).map { .note($0) } + [.tell(.replyStarted)]
    }

    /// What a reply that begins now is to those who follow the call: what the caller said before the reply that came before
    /// has been answered already.
    mutating func milestonesOfReply(lastSpeech: Instant?, now: Instant) -> [SessionMilestone] {
        defer { lastReply = now }
        var milestones: [SessionMilestone] = lastReply == nil ? [.firstSound] : []
        if let lastSpeech, lastReply.map({ lastSpeech > $0 }) ?? true {
            milestones.append(.reply(after: now - lastSpeech))
        }
        return milestones
    }

    /// Sound that was on its way to the client is dropped.
    mutating func noteInterruption() { interruptions += 1 }

    /// Adds how long it took until the room was joined, the caller was heard and the agent answered, and what was counted.
    func add(to numbers: inout SessionStatistics) {
        numbers.joinedAfter = hearing.joined.map { Int(($0 - startedAt).milliseconds) }
        numbers.heardAfter = hearing.firstHeard.map { Int(($0 - startedAt).milliseconds) }
        numbers.firstSoundAfter = firstSound.map { Int(($0 - startedAt).milliseconds) }
        numbers.replies = replies
        numbers.interruptions = interruptions
        numbers.reconnects = reconnects
    }

    /// When `handleTimeout` wants to be called.
    var nextDeadline: Instant? {
        Instant.earliest(
            Instant.earliest(conversation.nextDeadline, unintroduced.nextDeadline), hearing.nextDeadline)
    }

    // MARK: Input

    /// - Parameter lastSpeech: when the caller was last heard to speak.
    mutating func handle(_ event: RoomEvent, lastSpeech: Instant?, now: Instant) -> [SessionAction] {
        var actions: [SessionAction] = []
        switch event {
        case .joined(_, let identity):
            conversation.setCaller(identity: identity)
            hearing.noteJoined(now: now)
            actions += updateHearing(now: now)
        case .failed(let failure): actions.append(.life(.roomFailed(failure)))
        case .ended(let why): actions.append(.life(.roomEnded(why)))
        case .delayed(let failure): actions.append(.tell(.error(ClientError(mediaUnreachable: failure))))
        case .undecipherable(let identity, let failure):
            actions.append(
                .tell(.error(ClientError(.undecipherable, "what \"\(identity)\" says is not played", failure))))
        case .interrupted: actions += [.sound(.hold), .tell(.reconnecting)]
        // Data and texts wait for the connection; a voice that is heard does not.
        case .soundFlows(let flows): if !flows || isHeard { actions.append(.sound(flows ? .release : .hold)) }
        case .resumed:
            reconnects += 1
            actions += [.tell(.reconnected)] + (isHeard ? [.release] : [])
        case .microphonePublished(let track):
            switch hearing.notePublished(track) {
            case .first, .again: break
            case .replaced: actions.append(.sound(.hold))
            }
            conversation.setCaller(track: track)
            actions.append(.sound(.start))
            actions += updateHearing(now: now)
        case .microphoneSubscribed:
            hearing.noteSubscribed()
            actions += updateHearing(now: now)
        case .participantJoined(let member):
            actions += act(on: roster.update(member), lastSpeech: lastSpeech, now: now)
            if member.isAgent { actions += assignSoundRoles() }
            actions += takeIntroduced(lastSpeech: lastSpeech, now: now)
        case .participantChanged(let member):
            actions += act(on: roster.update(member), lastSpeech: lastSpeech, now: now)
        case .participantLeft(let identity, let reason):
            actions += act(on: roster.remove(identity, reason: reason), lastSpeech: lastSpeech, now: now)
        case .trackSubscribed(let track):
            roster.add(track: track.sid, of: track.participantIdentity, source: track.source)
            actions += assignSoundRoles()
            actions += updateHearing(now: now)
        case .trackMuted(let track, let isMuted): actions.append(.sound(.muteTrack(track, isMuted)))
        case .trackEnded(let track):
            roster.remove(track: track)
            actions.append(.sound(.removeTrack(track)))
            actions += assignSoundRoles()
        case .spoken(let text):
            actions.append(.activity)
            let isAgent = roster[text.participant]?.isAgent == true
            if let transcript = conversation.take(text, isAgent: isAgent, now: now) {
                actions.append(.tell(.transcript(transcript)))
            }
        case .data(let message):
            actions.append(.activity)
            guard !message.topic.hasPrefix(RoomTopics.reservedPrefix) else { break }
            let isKnown = message.sender.isEmpty || roster[message.sender] != nil
            if isKnown || !unintroduced.keep(message, now: now) {
                actions += pass(message, lastSpeech: lastSpeech, now: now)
            }
        case .agentEvent(let event): actions.append(.tell(.agentEvent(event)))
        case .dtmf(let digit, let sender):
            // Keys of other callers are for the agent.
            if roster[sender]?.isAgent == true { actions += [.activity, .tell(.dtmf(digit))] }
        case .called(let call): actions += [.activity, .callClient(call)]
        case .callEnded(let id, let outcome): actions.append(.tell(.callEnded(id: id, outcome)))
        case .undelivered(let why):
            let error = ClientError(.undelivered, "a message could not be sent: \(why)", blame: .room)
            actions.append(.tell(.error(error)))
        }
        return actions
    }

    mutating func handleTimeout(lastSpeech: Instant?, now: Instant) -> [SessionAction] {
        conversation.handleTimeout(now: now).map { .tell(.transcript($0)) }
            + takeIntroduced(lastSpeech: lastSpeech, now: now) + updateHearing(now: now)
    }

    /// Looks whether the agent has said everything of its reply, and whether the client is to be told that the next turn is its
    /// own.
    mutating func follow(isVoiceHeard: Bool, now: Instant) -> [SessionAction] {
        var actions: [SessionAction] = []
        if conversation.endReplyIfFinished(isAudible: isVoiceHeard, now: now) { actions.append(.sound(.endReply)) }
        if conversation.isNextTurn(isAudible: isVoiceHeard, now: now) { actions.append(.tell(.replyFinished)) }
        return actions
    }

    /// Looks whether the caller begins or ends to speak.
    /// - Parameter place: how many ms of its sound have gone to the room.
    mutating func followCaller(lastSpeech: Instant?, at place: Int, now: Instant) -> CallerSpeech.Change? {
        speech.follow(lastSpeech: lastSpeech, at: place, now: now)
    }

    // MARK: Who is there

    private mutating func updateHearing(now: Instant) -> [SessionAction] {
        let audience = Hearing.Audience(
            hasAgent: !agents.isEmpty, agentState: conversation.agentState, isAgentStarting: roster.isAgentStarting,
            hasPeople: roster.hasPeople, expectsAgent: expectsAgent)
        return hearing.update(audience, now: now) ? assignSoundRoles() + [.release] : []
    }

    /// Tells which sound is the agent's voice, where that is new: it changes with tracks, and with who hears the caller.
    private mutating func assignSoundRoles() -> [SessionAction] {
        let roles = roster.soundRoles(isHeard: isHeard)
        defer { soundRoles = roles }
        let new = roles.filter { soundRoles[$0.key] != $0.value }
        return new.isEmpty ? [] : [.sound(.assignRoles(new))]
    }

    private mutating func act(on changes: [Roster.Change], lastSpeech: Instant?, now: Instant) -> [SessionAction] {
        var actions: [SessionAction] = []
        for change in changes {
            switch change {
            case .agentJoined(let identity, let name):
                actions += [.tell(.agentJoined(identity: identity, name: name)), .life(.agentJoined)]
            case .agentLeft(let identity, let reason):
                actions.append(.tell(.agentLeft(identity: identity, reason: reason)))
            case .firstAgentLeft: conversation.forgetAgent()
            case .noAgentLeft:
                actions.append(.life(.agentsGone))
                hearing.noteAgentsGone()
                actions += assignSoundRoles() + updateHearing(now: now)
                // What the caller says now is for the next agent, if there is nobody else to hear it.
                if !isHeard { actions.append(.sound(.hold)) }
            case .state(let state):
                actions += act(on: conversation.change(to: state, lastSpeech: lastSpeech, now: now), now: now)
            case .othersPresent(let count): actions.append(.life(.othersPresent(count)))
            case .trackEnded(let track): actions.append(.sound(.removeTrack(track)))
            }
        }
        return actions + updateHearing(now: now)
    }

    // MARK: What is said

    private mutating func act(on decisions: [Conversation.Action], now: Instant) -> [SessionAction] {
        var actions: [SessionAction] = []
        for decision in decisions {
            switch decision {
            case .tell(let event): actions.append(.tell(event))
            case .state(let state):
                actions.append(.sound(.noteAgent(isSpeaking: state == .speaking)))
                actions.append(.tell(.agentState(state)))
                actions += updateHearing(now: now)
            case .finishReply: actions += [.sound(.endReply), .tell(.replyFinished)]
            case .interrupted: actions += [.discardSound, .sound(.noteInterruption), .tell(.interrupted)]
            case .discardSound: actions.append(.discardSound)
            }
        }
        return actions
    }

    /// What has waited for the introduction of its sender.
    private mutating func takeIntroduced(lastSpeech: Instant?, now: Instant) -> [SessionAction] {
        var actions: [SessionAction] = []
        for message in unintroduced.take(now: now, isKnown: { roster[$0] != nil }) {
            actions += pass(message, lastSpeech: lastSpeech, now: now)
        }
        return actions
    }

    private mutating func pass(_ message: ApplicationData, lastSpeech: Instant?, now: Instant) -> [SessionAction] {
        act(
            on: conversation.receive(message, from: roster[message.sender], lastSpeech: lastSpeech, now: now), now: now)
    }
}
