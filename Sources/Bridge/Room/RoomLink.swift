internal import ClientProtocol
internal import Wire

/// Who does what a `RoomLink` asks for when others have answered it.
protocol RoomLinkDelegate: RoomConnectionDelegate {
    /// Does what is asked for, and what the session's life makes of it.
    func follow(_ actions: [SessionAction])
}

/// The session's end of the line to its room: who the caller is there, the way into the room, the agent that is to come,
/// and messages, which wait until somebody can take them. Belongs to one loop.
final class RoomLink {
    var caller: CallerProfile
    private(set) var connection: (any RoomConnection)?
    private(set) var isJoined = false
    /// The connection broke and is being made again.
    private(set) var isInterrupted = false
    private var hasLeft = false
    private var dispatch = DispatchState()
    private var waiting = UndeliveredMessages()
    /// The identity belongs to this session as long as this is held.
    private var identityRight: (any IdentityRight)?
    private let session: String
    private let dialect: String
    private let environment: SessionEnvironment
    private let startedAt: Instant
    /// Characters of what was heard of a reply: its end.
    private static let maximumHeardText = 1000
    private weak var delegate: (any RoomLinkDelegate)?

    /// - Parameters:
    ///   - session: its id.
    ///   - dialect: how the client speaks, the word of `DialectDescriptor.name`.
    init(_ caller: CallerProfile, session: String, dialect: String, environment: SessionEnvironment) {
        self.caller = caller
        self.session = session
        self.dialect = dialect
        self.environment = environment
        startedAt = environment.clock.now
    }

    /// Who and where the caller is.
    var summary: SessionSummary { caller.summary(session: session) }
    /// What lets the client continue the session on another connection; nil when it may not.
    var resumeToken: String? { caller.resumeToken(session: session) }
    /// The same for a client that is asked to go on at another gateway.
    var moveToken: String? { caller.resumeToken(session: session, isMove: true) }

    /// What the client is told: the summary, the token, and that the session has gone on, if it began at another gateway.
    var introduction: SessionSummary {
        var introduction = summary
        introduction.resumeToken = resumeToken
        if caller.isContinued { introduction.resumption = SessionSummary.Resumption() }
        return introduction
    }

    // MARK: Coming and going

    /// Claims the identity where others may know the room, joins, and dispatches the agent.
    func join(delegate: any RoomLinkDelegate) {
        self.delegate = delegate
        guard let policy = caller.policy,
            policy.claimsOwnRooms || policy.refusesDuplicates && !caller.hasOwnRoom
        else { return enter() }
        policy.claim(caller.identity, in: caller.roomName) { [weak self] result in
            guard let self, !hasLeft else { return }
            switch result {
            case .success(let right):
                identityRight = right
                enter()
            case .failure(let refusal):
                self.delegate?.follow([.life(.failed(refusal.error, refusal.reason))])
            }
        }
    }

    private func enter() {
        guard let delegate else { return }
        var request = caller.roomRequest(session: session, dialect: dialect)
        request.replacesCaller = identityRight?.replacesCaller ?? false
        connection = environment.rooms.join(request, delegate: delegate)
        delegate.follow([.connectSound])
        if caller.knowsRoom { placeAgent() }
    }

    /// Takes what the connection tells of itself.
    func handle(_ event: RoomEvent) -> [SessionAction] {
        switch event {
        case .joined(let room, let identity):
            guard !isJoined else { return [] }
            isJoined = true
            caller.enter(room: room, as: identity)
            environment.meter?.joined(after: environment.clock.now - startedAt)
            placeAgent()
            return [.tell(.session(introduction)), .life(.roomJoined), .note(.joined), .brief]
        case .interrupted:
            isInterrupted = true
            // A client without a token has nothing to go on with elsewhere.
            return [.note(.roomLost)] + (resumeToken == nil ? [] : [.life(.roomAway)])
        case .resumed:
            isInterrupted = false
            return [.note(.roomBack), .life(.roomBack)]
        default: break
        }
        return []
    }

    func leave(_ departure: RoomDeparture) {
        hasLeft = true
        connection?.leave(departure)
        connection = nil
        isJoined = false
        identityRight = nil
    }

    // MARK: The agent

    /// Dispatches the agent unless the room has it already. Starts before the room is joined, to win time; a failure
    /// that may come of that is not reported but tried again.
    private func placeAgent() {
        let name = caller.agentName
        guard !name.isEmpty, dispatch.begin() else { return }
        let wanted = caller.briefing
        let asked = environment.clock.now
        let trace = environment.configuration.tellsTrace ? caller.trace : nil
        let metadata = wanted.dispatchMetadata(caller.agentMetadata, trace: trace)
        if caller.hasOwnRoom {
            environment.dispatcher.dispatchAgent(name, to: caller.roomName, metadata: metadata) { [weak self] result in
                self?.dispatched(result, wanted, since: asked)
            }
        } else {
            environment.dispatcher.placeAgent(name, in: caller.roomName, metadata: metadata) { [weak self] result in
                // Whoever else has dispatched it knew nothing of this client's wishes.
                let isOurs = (try? result.get()).map { AgentBriefing.tellTheSame($0, metadata) } ?? false
                self?.dispatched(result.map { _ in }, isOurs ? wanted : AgentBriefing(), since: asked)
            }
        }
    }

    /// - Parameter briefing: what the agent has learned by its dispatch.
    private func dispatched(_ result: Result<Void, Failure>, _ briefing: AgentBriefing, since asked: Instant) {
        guard !hasLeft else { return }
        var reason: Failure?
        if case .failure(let failure) = result { reason = failure }
        let milestone = SessionMilestone.dispatched(after: environment.clock.now - asked, reason)
        let failure = dispatch.finish(result, briefing: briefing, isInRoom: isJoined)
        let error = failure.map {
            ClientError(.dispatchFailed, "the agent \"\(caller.agentName)\" cannot be dispatched", $0)
        }
        delegate?.follow([.note(milestone)] + (error.map { [.tell(.error($0))] } ?? []) + [.brief])
    }

    /// Asks why no agent has come.
    func explainAbsence() {
        environment.dispatcher.explainAbsence(of: caller.agentName, in: caller.roomName) { [weak self] why in
            guard let self, !hasLeft else { return }
            delegate?.follow([.life(.absenceExplained(why))])
        }
    }

    /// Tells an agent that has its job already what the client has changed since: as data, when it hears, and the
    /// instructions also as an attribute, for agents that come later.
    func brief(isHeard: Bool) -> [SessionAction] {
        guard isJoined, let connection,
            let update = dispatch.update(to: caller.briefing, hasDispatch: !caller.agentName.isEmpty)
        else { return [] }
        if let instructions = update.instructions {
            connection.setAttributes([RoomTopics.instructionsAttribute: instructions])
        }
        return deliver(
            .data(topic: RoomTopics.configuration, payload: update.message.serializedBytes()), isHeard: isHeard)
    }

    /// Asks the agents to stop. Nothing waits for that: later it would stop another reply.
    func interrupt(_ agents: [String]) {
        guard let connection, let first = agents.first else { return }
        let message: JSONValue = ["type": "interrupt"]
        connection.publishData(message.serializedBytes(), topic: RoomTopics.interrupt, destinations: agents)
        call(environment.configuration.interruptRPCMethod, of: first)
    }

    /// Calls a method that the operator may have named.
    func call(_ method: String?, of agent: String?) {
        guard let method, let agent else { return }
        connection?.performRPC(to: agent, method: method, payload: "")
    }

    /// Tells the agent how far the client has heard its latest reply: by a method, and by an attribute for agents that have none.
    func tell(heard milliseconds: Int, _ text: String, to agent: String?) {
        guard let connection, isJoined else { return }
        let shown = String(text.suffix(Self.maximumHeardText))
        let heard: JSONValue = ["audio_end_ms": .integer(Int64(milliseconds)), "text": .string(shown)]
        let payload = heard.serialized()
        connection.setAttributes([RoomTopics.heardAttribute: payload])
        if let agent { connection.performRPC(to: agent, method: RoomTopics.heardAttribute, payload: payload) }
    }

    /// Calls a method of the agent for the client, who is told how it ends.
    func call(_ call: MethodCall, of agent: String?) -> [SessionAction] {
        guard let agent, isJoined, !isInterrupted, let connection else {
            return [.tell(.callEnded(id: call.id, .failure(.noRecipient)))]
        }
        connection.call(call, of: agent)
        return []
    }

    /// Answers a call of one of the client's methods.
    func end(call id: String, _ outcome: MethodOutcome) -> [SessionAction] {
        guard connection?.end(call: id, outcome) != true else { return [] }
        let message =
            "nobody waits for the outcome of this call (any more): the id is unknown, or its deadline has passed"
        return [.complain(ClientError(.undelivered, message))]
    }

    // MARK: Parameters

    /// Takes a `config` message.
    /// - Parameter isInRoom: the room has been asked for, so that who and where the caller is may not change any more.
    func configure(_ object: JSONObject, isInRoom: Bool) -> [SessionAction] {
        do throws(SessionRefusal) {
            if let error = try caller.configure(object, isInRoom: isInRoom) { return [.tell(.error(error))] }
        } catch {
            return [.life(.failed(error.error, error.reason))]
        }
        return [.adopt, .brief, .tell(.configured(instructions: caller.parameters.instructions))]
            + caller.takeUnknownParameters().map { .tell(.warning(.unknownParameter($0))) } + [.life(.clientSpoke)]
    }

    // MARK: Messages

    /// Sends a message of the client to the room, or keeps it until somebody can take it.
    ///
    /// - Parameter isHeard: somebody listens.
    func deliver(_ event: ClientEvent, isHeard: Bool) -> [SessionAction] {
        guard isHeard, isJoined, !isInterrupted, let connection else {
            guard !waiting.keep(event) else { return [] }
            let message = "\(UndeliveredMessages.maximumCount) messages already wait for the agent"
            return [.tell(.error(ClientError(.undelivered, message, blame: .room, isRetryable: true)))]
        }
        send(event, on: connection)
        return []
    }

    /// Sends what has waited, now that somebody listens.
    func deliverWaiting() {
        guard isJoined, !isInterrupted, let connection else { return }
        for event in waiting.takeAll() { send(event, on: connection) }
    }

    private func send(_ event: ClientEvent, on connection: any RoomConnection) {
        switch event {
        case .text(let text): connection.sendText(text, topic: RoomTopics.chat)
        case .data(let topic, let payload): connection.publishData(payload, topic: topic, destinations: [])
        case .dtmf(let digits): for digit in digits { connection.publishDTMF(digit) }
        default: break
        }
    }
}
