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
/// In the room the client may be away for `Limits.resumeGrace`, whatever happens there meanwhile.
package struct SessionLifecycle: Sendable {
    package enum Phase: Hashable, Sendable {
        /// The client may still say who it is and what it wants.
        case opening
        case joining
        /// In the room, without an agent.
        case joined
        case agentPresent
        case ended
    }

    package enum Input: Sendable {
        /// The client has said something: it has nothing more to configure.
        case clientSpoke
        case roomJoined
        case roomFailed(Failure)
        case roomEnded(RoomEnd)
        case agentJoined
        /// No agent is left in the room.
        case agentsGone
        /// How many participants that are no agents are there besides the caller.
        case othersPresent(Int)
        /// The client has said goodbye.
        case clientGone
        /// Its connection ended without a goodbye. `mayResume` is false when no later connection can continue the session.
        case clientLost(mayResume: Bool)
        /// It is back on another connection.
        case clientResumed
        case shutdown
        /// The session cannot go on through a fault of the client or of ours.
        case failed(ClientError, ClosingReason)
    }

    package enum Action: Hashable, Sendable {
        /// Join the room and dispatch the agent.
        case join
        case tell(ServerEvent)
        /// Leave the room, if it is there.
        case leave(RoomDeparture)
        /// Close the connection to the client.
        case close(ClosingReason, message: String)
        /// Everything is over.
        case finish
    }

    package private(set) var phase = Phase.opening
    /// Whether the session waits for its client to come back.
    package var isClientAbsent: Bool { graceDeadline != nil }
    /// Whether an agent is supposed to come.
    package var expectsAgent: Bool
    /// The name under which it is dispatched, for what the client is told.
    package var agentName = ""

    private let limits: Limits
    private var actions: [Action] = []
    private var nextAction = 0
    private var others = 0
    private var hadAgent = false
    /// End of the wait for a `config` message, or for the room.
    private var phaseDeadline: Instant?
    /// When the client is told that no agent has come.
    private var agentDeadline: Instant?
    /// When the session ends because there is no agent.
    private var absenceDeadline: Instant?
    /// When the session ends because its client has not come back.
    private var graceDeadline: Instant?
    /// When the session may have been idle for too long; looked at again then.
    private var idleDeadline: Instant?
    private var lastActivity: Instant
    /// When the session has lasted as long as it may.
    private var durationDeadline: Instant?

    package init(expectsAgent: Bool, limits: Limits, now: Instant) {
        self.expectsAgent = expectsAgent
        self.limits = limits
        phaseDeadline = now + limits.configWait
        lastActivity = now
        idleDeadline = limits.idleTimeout.map { now + $0 }
        durationDeadline = limits.maximumSession.map { now + $0 }
    }

    /// The client has sent something, or somebody has said something. Costs nothing: the deadline moves when it comes.
    package mutating func noteActivity(now: Instant) { lastActivity = now }

    /// Whether the room has been asked for.
    package var hasJoined: Bool { phase != .opening }

    package var nextDeadline: Instant? {
        let ends = Instant.earliest(graceDeadline, Instant.earliest(idleDeadline, durationDeadline))
        return Instant.earliest(
            Instant.earliest(phaseDeadline, ends), Instant.earliest(agentDeadline, absenceDeadline))
    }

    package mutating func poll() -> Action? {
        guard nextAction < actions.count else {
            actions.removeAll(keepingCapacity: true)
            nextAction = 0
            return nil
        }
        defer { nextAction += 1 }
        return actions[nextAction]
    }

    package mutating func handle(_ input: Input, now: Instant) {
        guard phase != .ended else { return }
        switch input {
        case .clientSpoke:
            if phase == .opening { join(now: now) }
        case .roomJoined:
            guard phase == .joining else { return }
            phase = .joined
            phaseDeadline = nil
            awaitAgent(now: now)
        case .agentJoined:
            guard phase == .joined || phase == .joining else { return }
            if phase == .joining { phaseDeadline = nil }
            phase = .agentPresent
            hadAgent = true
            agentDeadline = nil
            absenceDeadline = nil
        case .agentsGone:
            guard phase == .agentPresent else { return }
            phase = .joined
            absenceDeadline = now + limits.agentReplacement
        case .othersPresent(let count): others = count
        case .roomFailed(let failure):
            let error = ClientError(.roomUnavailable, "the room cannot be joined", failure)
            end(.roomUnavailable, error.message, error: error)
        case .roomEnded(let why): end(why)
        case .failed(let error, let reason): end(reason, error.message, error: error)
        case .shutdown: end(.shutdown, "the gateway is shutting down; connect again")
        case .clientGone: finish(.goodbye)
        case .clientLost(let mayResume):
            // Before it is in the room the client has nothing to come back to.
            guard mayResume, limits.resumeGrace > .zero, phase == .joined || phase == .agentPresent else {
                return finish(.withoutGoodbye)
            }
            graceDeadline = now + limits.resumeGrace
        case .clientResumed: graceDeadline = nil
        }
    }

    package mutating func handleTimeout(now: Instant) {
        if let deadline = graceDeadline, deadline <= now { return finish(.withoutGoodbye) }
        if let deadline = durationDeadline, let limit = limits.maximumSession, deadline <= now {
            return end(.sessionLimit, "sessions may last \(limit.inSeconds) s at most")
        }
        if let deadline = idleDeadline, let limit = limits.idleTimeout, deadline <= now {
            let due = lastActivity + limit
            guard due > now else {
                return end(.idleTimeout, "nothing was sent and nothing was said for \(limit.inSeconds) s")
            }
            idleDeadline = due
        }
        if let deadline = phaseDeadline, deadline <= now {
            phaseDeadline = nil
            switch phase {
            case .opening: join(now: now)
            case .joining:
                let error = ClientError(
                    .roomUnavailable, "the room cannot be joined: no answer within \(limits.joinTimeout.inSeconds) s",
                    blame: .room, isRetryable: true)
                end(.roomUnavailable, error.message, error: error)
            case .joined, .agentPresent, .ended: break
            }
        }
        if let deadline = agentDeadline, deadline <= now {
            agentDeadline = nil
            let message =
                "no agent has joined within \(limits.agentTimeout.inSeconds) s: is a worker for \"\(agentName)\" running?"
            // Who runs the agents has to see to it; until then the caller's words are kept.
            actions.append(.tell(.error(ClientError(.agentTimeout, message, blame: .operator, isRetryable: true))))
        }
        if let deadline = absenceDeadline, deadline <= now {
            absenceDeadline = nil
            // People in the room are reason enough to stay.
            guard others == 0 else {
                absenceDeadline = now + limits.agentAbsence
                return
            }
            if hadAgent {
                end(.agentLeft, "the agent has left")
            } else {
                end(.agentTimeout, "no agent has joined within \(limits.agentAbsence.inSeconds) s")
            }
        }
    }

    private mutating func join(now: Instant) {
        phase = .joining
        phaseDeadline = now + limits.joinTimeout
        actions.append(.join)
    }

    private mutating func awaitAgent(now: Instant) {
        guard expectsAgent else { return }
        agentDeadline = now + limits.agentTimeout
        absenceDeadline = now + limits.agentAbsence
    }

    private mutating func end(_ why: RoomEnd) {
        switch why {
        case .roomDeleted: end(.roomDeleted, "the room has been deleted")
        case .removed: end(.removed, "the participant has been removed from the room")
        case .duplicateIdentity:
            end(.duplicateIdentity, "another connection has joined the room with the same identity")
        case .serverShutdown: lose("the room server is shutting down")
        case .connectionLost: lose("the connection to the room is lost")
        case .other(let what): lose("the room has ended the connection: \(what)")
        }
    }

    private mutating func lose(_ message: String) {
        end(.roomLost, message, error: ClientError(.roomLost, message, blame: .room, isRetryable: true))
    }

    private mutating func end(_ reason: ClosingReason, _ message: String, error: ClientError? = nil) {
        if let error { actions.append(.tell(.error(error))) }
        actions.append(.tell(.closing(reason: reason, message: message)))
        // The room first: closing takes as long as the client likes.
        if hasJoined { actions.append(.leave(reason.departure)) }
        actions.append(.close(reason, message: message))
        conclude()
    }

    private mutating func finish(_ departure: RoomDeparture) {
        if hasJoined { actions.append(.leave(departure)) }
        conclude()
    }

    private mutating func conclude() {
        phase = .ended
        phaseDeadline = nil
        agentDeadline = nil
        absenceDeadline = nil
        graceDeadline = nil
        idleDeadline = nil
        durationDeadline = nil
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
