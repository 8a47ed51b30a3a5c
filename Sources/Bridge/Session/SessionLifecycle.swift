package import ClientProtocol
package import Wire

/// The life of a session as a pure state machine: what happens goes in by `handle`, what is to be done comes out by
/// `poll`, time by `nextDeadline` and `handleTimeout`.
///
/// ```
/// opening ──► joining ──► joined ◄──► agent present
///    └───────────┴──────────┴──────────────┴────────► ended
/// ```
///
/// In the room the client may be away for `Limits.resumeGrace`, whatever happens there meanwhile. Each state holds the
/// deadlines that belong to it, so that none outlives its state.
package struct SessionLifecycle: ~Copyable, Sendable {
    package enum Phase: Hashable, Sendable {
        /// The client may still say who it is and what it wants.
        case opening
        case joining
        /// In the room, without an agent.
        case joined
        case agentPresent
        case ended
    }

    package enum Input: Hashable, Sendable {
        /// The client has said something: it has nothing more to configure.
        case clientSpoke
        case roomJoined
        case roomFailed(Failure)
        case roomEnded(RoomEnd)
        /// The connection to the room is lost for now: the client may have gone on at another gateway.
        case roomAway
        case roomBack
        case agentJoined
        /// No agent is left in the room.
        case agentsGone
        /// Why no agent has come, as far as the room server knows; nil when it does not.
        case absenceExplained(Failure?)
        /// How many participants that are no agents are there besides the caller.
        case othersPresent(Int)
        /// The client has said goodbye.
        case clientGone
        /// Its connection ended without a goodbye. `mayResume` is false when no later connection can continue the session.
        case clientLost(mayResume: Bool, ClientLoss = .broken)
        /// It is back on another connection.
        case clientResumed
        case shutdown
        /// Whoever runs the gateway ends the call.
        case endedByOperator
        /// The session cannot go on through a fault of the client or of ours.
        case failed(ClientError, ClosingReason)
    }

    package enum Action: Hashable, Sendable {
        /// Join the room and dispatch the agent.
        case join
        case tell(ServerEvent)
        /// Ask the room server why no agent has come; `absenceExplained` is the answer, and always comes.
        case askForAgent
        /// Leave the room, if it is there.
        case leave(RoomDeparture)
        /// Close the connection to the client.
        case close(ClosingReason, message: String)
        /// Everything is over.
        case finish
    }

    /// Why the room is not joined at once.
    package enum Opening: Hashable, Sendable {
        /// The client may say who it is and what it wants, for so long, or until it says anything else.
        case waitsForClient(Duration)
        /// So long the caller's place in the room is another gateway's, whatever the client says here.
        case waitsForPlace(Duration)

        /// - Parameter continued: the session at another gateway that goes on here.
        package init(_ continued: SessionClaim?, _ dialect: DialectDescriptor, _ limits: Limits) {
            self =
                switch continued?.isMove {
                case nil: .waitsForClient(dialect.configurationWait ?? limits.configWait)
                case true?: .waitsForPlace(limits.moveSettling)
                case false?: .waitsForClient(.zero)
                }
        }

        fileprivate var duration: Duration {
            switch self {
            case .waitsForClient(let wait), .waitsForPlace(let wait): wait
            }
        }
    }

    private enum Agent: Sendable {
        /// None is there, and none has to come.
        case notAwaited
        /// None has come yet. Why is asked at `asked`, nil when it need not be again before the session ends at `end`.
        case awaited(asked: Instant?, end: Instant)
        case present
        /// The last one has left; the session ends then, unless another takes over.
        case gone(end: Instant)

        var nextDeadline: Instant? {
            switch self {
            case .notAwaited, .present: nil
            case .awaited(let asked, let end): Instant.earliest(asked, end)
            case .gone(let end): end
            }
        }
    }

    private enum Client: Sendable {
        case present
        /// The session ends then, unless the client has come back.
        case away(end: Instant, ClientLoss)
    }

    private enum Stage: Sendable {
        /// The room is joined then, even if the client has said nothing.
        case opening(end: Instant, Opening)
        /// The room must have answered by then.
        case joining(end: Instant)
        case inRoom(Agent, Client)
    }

    /// A session that is not over.
    private struct Life: Sendable {
        var stage: Stage
        /// When the session may have been idle for too long; looked at again then.
        var idleCheck: Instant?
        /// When the session has lasted as long as it may.
        var end: Instant?

        var nextDeadline: Instant? {
            let whole = Instant.earliest(idleCheck, end)
            switch stage {
            case .opening(let end, _), .joining(let end): return Instant.earliest(whole, end)
            case .inRoom(let agent, .present): return Instant.earliest(whole, agent.nextDeadline)
            case .inRoom(let agent, .away(let end, _)):
                return Instant.earliest(Instant.earliest(whole, end), agent.nextDeadline)
            }
        }
    }

    /// The name of the agent that is supposed to come, for what the client is told; empty when none has to.
    package var agentName = ""
    /// Whether an agent is supposed to come.
    package var expectsAgent: Bool { !agentName.isEmpty }

    /// Why the session is over; nil until it is.
    private(set) var ending: SessionEnd?

    /// The client has been asked to go on at another gateway.
    private var mayHaveMoved = false
    /// It can go on there by itself, too, while the room cannot be reached from here.
    private var isRoomAway = false
    /// Why no agent has come, as last heard of the room server.
    private var absence: Failure?
    /// The client has been told that none has come.
    private var isAbsenceTold = false
    private let limits: Limits
    /// Nil when the session is over.
    private var life: Life?
    private var lastActivity: Instant
    private var others = 0
    private var actions: [Action] = []
    private var nextAction = 0

    /// - Parameter opening: why the room is not joined at once; nil for what is usual.
    package init(limits: Limits, opening: Opening? = nil, now: Instant) {
        let opening = opening ?? .waitsForClient(limits.configWait)
        self.limits = limits
        lastActivity = now
        life = Life(
            stage: .opening(end: now + opening.duration, opening),
            idleCheck: limits.idleTimeout.map { now + $0 },
            end: limits.maximumSession.map { now + $0 })
    }

    package var phase: Phase {
        switch life?.stage {
        case nil: .ended
        case .opening: .opening
        case .joining: .joining
        case .inRoom(.present, _): .agentPresent
        case .inRoom: .joined
        }
    }

    package var hasEnded: Bool { life == nil }

    /// Whether the room has been asked for.
    package var hasJoined: Bool { phase != .opening }

    /// From now on somebody who comes with the caller's identity is the caller, at another gateway.
    package mutating func noteMove() { mayHaveMoved = true }

    /// Whether the session waits for its client to come back.
    package var isClientAbsent: Bool { if case .inRoom(_, .away) = life?.stage { true } else { false } }

    package var nextDeadline: Instant? { life?.nextDeadline }

    /// The client has sent something, or somebody has said something. Costs nothing: the deadline moves when it comes.
    package mutating func noteActivity(now: Instant) { lastActivity = now }

    package mutating func poll() -> Action? {
        guard nextAction < actions.count else {
            actions.removeAll(keepingCapacity: true)
            nextAction = 0
            return nil
        }
        defer { nextAction += 1 }
        return actions[nextAction]
    }

    // MARK: Input

    package mutating func handle(_ input: Input, now: Instant) {
        guard let stage = life?.stage else { return }
        switch input {
        case .clientSpoke:
            if case .opening(_, .waitsForClient) = stage { join(now: now) }
        case .roomJoined:
            guard case .joining = stage else { return }
            let awaited = Agent.awaited(asked: now + limits.agentTimeout, end: now + limits.agentAbsence)
            let agent = expectsAgent ? awaited : .notAwaited
            life?.stage = .inRoom(agent, .present)
        case .agentJoined:
            switch stage {
            case .opening: return
            case .joining: life?.stage = .inRoom(.present, .present)
            case .inRoom(_, let client): life?.stage = .inRoom(.present, client)
            }
        case .agentsGone:
            guard case .inRoom(.present, let client) = stage else { return }
            life?.stage = .inRoom(.gone(end: now + limits.agentReplacement), client)
        case .absenceExplained(let why):
            guard case .inRoom(.awaited, _) = stage else { return }
            explainAbsence(why)
        case .othersPresent(let count): others = count
        case .roomFailed(let failure):
            let error = ClientError(.roomUnavailable, "the room cannot be joined", failure)
            end(.roomUnavailable, error.message, error: error)
        case .roomEnded(let why): end(why)
        case .roomAway: isRoomAway = true
        case .roomBack: isRoomAway = false
        case .failed(let error, let reason): end(reason, error.message, error: error)
        case .shutdown: end(.shutdown, "the gateway is shutting down; connect again")
        case .endedByOperator: end(.removed, "the operator has ended the call", departure: .goodbye)
        case .clientGone: finish(.goodbye, .hungUp)
        case .clientLost(let mayResume, let loss):
            // Before it is in the room the client has nothing to come back to.
            guard mayResume, limits.resumeGrace > .zero, case .inRoom(let agent, _) = stage else {
                return finish(.withoutGoodbye, SessionEnd(loss))
            }
            life?.stage = .inRoom(agent, .away(end: now + limits.resumeGrace, loss))
        case .clientResumed:
            if case .inRoom(let agent, _) = stage { life?.stage = .inRoom(agent, .present) }
        }
    }

    private mutating func join(now: Instant) {
        life?.stage = .joining(end: now + limits.joinTimeout)
        actions.append(.join)
    }

    // MARK: Time

    package mutating func handleTimeout(now: Instant) {
        guard let life else { return }
        if case .inRoom(_, .away(let end, let loss)) = life.stage, end <= now {
            return finish(.withoutGoodbye, SessionEnd(loss))
        }
        if let end = life.end, let limit = limits.maximumSession, end <= now {
            return self.end(.sessionLimit, "sessions may last \(limit.inSeconds) s at most")
        }
        if let check = life.idleCheck, let limit = limits.idleTimeout, check <= now {
            let due = lastActivity + limit
            guard due > now else {
                return end(.idleTimeout, "nothing was sent and nothing was said for \(limit.inSeconds) s")
            }
            self.life?.idleCheck = due
        }
        switch life.stage {
        case .opening(let end, _): if end <= now { join(now: now) }
        case .joining(let end):
            guard end <= now else { return }
            let error = ClientError(
                .roomUnavailable, "the room cannot be joined: no answer within \(limits.joinTimeout.inSeconds) s",
                blame: .room, isRetryable: true)
            self.end(.roomUnavailable, error.message, error: error)
        case .inRoom(let agent, let client): handleTimeout(of: agent, client, now: now)
        }
    }

    private mutating func handleTimeout(of agent: Agent, _ client: Client, now: Instant) {
        // People in the room are reason enough to stay.
        let hasCompany = others > 0
        switch agent {
        case .notAwaited, .present: break
        case .awaited(var asked, var end):
            guard end > now || hasCompany else {
                return self.end(.agentTimeout, absenceError(within: limits.agentAbsence).message)
            }
            if end <= now { end = now + limits.agentAbsence }
            // What the client is told at the end is what the server says then, not what it said at first.
            let last = end - limits.absenceInquiry
            if let due = asked, due <= now {
                actions.append(.askForAgent)
                asked = nil
            }
            if asked == nil, last > now { asked = last }
            life?.stage = .inRoom(.awaited(asked: asked, end: end), client)
        case .gone(let end):
            guard end <= now else { return }
            guard hasCompany else { return self.end(.agentLeft, "the agent has left") }
            life?.stage = .inRoom(.gone(end: now + limits.agentAbsence), client)
        }
    }

    /// The client is told that no agent has come, and why, by the first answer. Who runs the agents has to see to it; until
    /// then the caller's words are kept.
    private mutating func explainAbsence(_ why: Failure?) {
        absence = why
        guard !isAbsenceTold else { return }
        isAbsenceTold = true
        actions.append(.tell(.error(absenceError(within: limits.agentTimeout))))
    }

    private func absenceError(within time: Duration) -> ClientError {
        let message = "no agent has joined within \(time.inSeconds) s"
        if let absence { return ClientError(.agentTimeout, message, absence) }
        let question = "\(message): is a worker for \"\(agentName)\" running?"
        return ClientError(.agentTimeout, question, blame: .operator, isRetryable: true)
    }

    // MARK: The end

    private mutating func end(_ why: RoomEnd) {
        switch why {
        case .roomDeleted: end(.roomDeleted, "the room has been deleted")
        case .removed: end(.removed, "the participant has been removed from the room")
        case .duplicateIdentity where mayHaveMoved || isRoomAway: end(.moved, "the call goes on at another gateway")
        case .duplicateIdentity:
            end(.duplicateIdentity, "another connection has joined the room with the same identity")
        case .serverShutdown: lose("the room server is shutting down")
        case .connectionLost: lose("the connection to the room is lost")
        case .mediaUnreachable(let failure):
            let error = ClientError(mediaUnreachable: failure)
            end(.roomLost, error.message, error: error)
        case .other(let what): lose("the room has ended the connection: \(what)")
        }
    }

    private mutating func lose(_ message: String) {
        end(.roomLost, message, error: ClientError(.roomLost, message, blame: .room, isRetryable: true))
    }

    /// - Parameter departure: nil for what is usual for the reason.
    private mutating func end(
        _ reason: ClosingReason, _ message: String, error: ClientError? = nil, departure: RoomDeparture? = nil
    ) {
        if let error { actions.append(.tell(.error(error))) }
        actions.append(.tell(.closing(reason: reason, message: message)))
        // The room first: closing takes as long as the client likes.
        if hasJoined { actions.append(.leave(departure ?? reason.departure)) }
        actions.append(.close(reason, message: message))
        finish(SessionEnd(reason, message, error))
    }

    private mutating func finish(_ departure: RoomDeparture, _ end: SessionEnd) {
        if hasJoined { actions.append(.leave(departure)) }
        finish(end)
    }

    private mutating func finish(_ end: SessionEnd) {
        life = nil
        ending = end
        actions.append(.finish)
    }
}

extension ClosingReason {
    /// Whether the conversation is over with the session. A client that is told to connect again finds its agent as it
    /// was.
    fileprivate var departure: RoomDeparture {
        switch self {
        case .agentLeft, .agentTimeout, .idleTimeout, .sessionLimit: .goodbye
        default: .withoutGoodbye
        }
    }
}

extension Duration {
    /// Whole seconds, for sentences.
    fileprivate var inSeconds: Int64 { components.seconds }
}
