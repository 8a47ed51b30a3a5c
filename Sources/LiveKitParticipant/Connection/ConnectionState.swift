internal import Signalling
internal import Wire

/// The states of a participant's connection with what is known in each, and the steps between them. Each step consumes
/// the state and makes the next one, so a state that a step forgets does not compile.
enum ConnectionState: ~Copyable {
    case idle
    case joining(Trying)
    case connected(Connected)
    case pausing(Pausing)
    case resuming(Trying)
    case rejoining(Trying)
    case closed

    typealias Attempt = ConnectionMachine.Attempt

    /// What an attempt is waiting for, and until when.
    struct Wait {
        enum Subject { case signalling, media }

        let subject: Subject
        let deadline: Instant
    }

    /// What is known during an attempt.
    struct Trying {
        var wait: Wait
        let policy: ReconnectPolicy
        /// The server lets the session be resumed.
        var mayResume: Bool
        /// How often the first session is tried again.
        let retriesLeft: Int
    }

    /// What is known between attempts.
    struct Pausing {
        let deadline: Instant
        let next: Attempt
        let policy: ReconnectPolicy
        let mayResume: Bool
        let retriesLeft: Int
    }

    struct Connected {
        let since: Instant
        let policy: ReconnectPolicy
        let mayResume: Bool
    }

    /// Something that is gone, and what that means for the session.
    struct Loss {
        let error: ParticipantError
        var mayResume = true
        /// Nobody was asked about the session, and its media still flows: it will be there.
        var isSessionKept = false
    }

    /// What steps leave behind, and where their random numbers come from.
    struct Steps {
        var random: any RandomNumberGenerator
        var actions: [ConnectionMachine.Action] = []
    }

    private static func trying(_ attempt: Attempt, _ trying: Trying) -> ConnectionState {
        switch attempt {
        case .join: .joining(trying)
        case .resume: .resuming(trying)
        case .rejoin: .rejoining(trying)
        }
    }

    // MARK: Forward

    mutating func connect(until deadline: Instant, retries: Int, _ steps: inout Steps) {
        guard phase == .idle else { return }
        steps.actions.append(.open(.join))
        self = .joining(
            Trying(
                wait: Wait(subject: .signalling, deadline: deadline), policy: ReconnectPolicy(mayResume: false),
                mayResume: false, retriesLeft: retries))
    }

    mutating func openAfterPause(until deadline: Instant, _ steps: inout Steps) {
        switch consume self {
        case .pausing(let pausing):
            if pausing.next == .rejoin { steps.actions.append(.dropSession) }
            steps.actions.append(.open(pausing.next))
            self = .trying(
                pausing.next,
                Trying(
                    wait: Wait(subject: .signalling, deadline: deadline), policy: pausing.policy,
                    mayResume: pausing.mayResume, retriesLeft: pausing.retriesLeft))
        case let other: self = other
        }
    }

    /// The attempt waits for something else from now on.
    mutating func await(_ subject: Wait.Subject, until deadline: Instant, mayResume: Bool? = nil) {
        func next(_ trying: Trying) -> Trying {
            var trying = trying
            trying.wait = Wait(subject: subject, deadline: deadline)
            trying.mayResume = mayResume ?? trying.mayResume
            return trying
        }
        switch consume self {
        case .joining(let trying): self = .joining(next(trying))
        case .resuming(let trying): self = .resuming(next(trying))
        case .rejoining(let trying): self = .rejoining(next(trying))
        case let other: self = other
        }
    }

    mutating func becomeConnected(_ steps: inout Steps, now: Instant) {
        func connected(_ trying: Trying) -> ConnectionState {
            .connected(Connected(since: now, policy: trying.policy, mayResume: trying.mayResume))
        }
        switch consume self {
        case .joining(let trying):
            steps.actions.append(.connected(isBackWithNewSession: nil))
            self = connected(trying)
        case .resuming(let trying):
            steps.actions.append(.connected(isBackWithNewSession: false))
            self = connected(trying)
        case .rejoining(let trying):
            steps.actions.append(.connected(isBackWithNewSession: true))
            self = connected(trying)
        case let other: self = other
        }
    }

    // MARK: Back

    /// Something that is needed is gone: the next attempt, or the end.
    mutating func lose(_ loss: Loss, _ steps: inout Steps, now: Instant) {
        switch consume self {
        case .idle: self = .idle
        case .pausing(let pausing): self = .pausing(pausing)
        case .closed: self = .closed
        case .joining(let trying):
            // What blocks media will mostly still do so: one more try is all that a caller should wait for.
            let left = loss.error.kind == .mediaUnreachable ? min(trying.retriesLeft, 1) : trying.retriesLeft
            guard loss.error.isRetryable, left > 0 else {
                steps.actions.append(.end(.failed(loss.error)))
                self = .closed
                return
            }
            steps.actions += [.dropSignalling, .dropSession]
            var policy = trying.policy
            // The attempt that comes at once is for those who were in the room; here there is a pause before each.
            if policy.attemptCount == 0 { _ = policy.next(random: &steps.random) }
            self = .pause(policy, first: .join, mayResume: false, retriesLeft: left - 1, loss, &steps, now)
        case .connected(let connected):
            var policy = connected.policy
            policy.lost(mayResume: loss.mayResume && connected.mayResume, uptime: now - connected.since)
            steps.actions += [.dropSignalling, .reconnecting]
            self = .pause(policy, mayResume: connected.mayResume, loss, &steps, now)
        case .resuming(let trying): self = .retry(.resume, trying, loss, &steps, now)
        case .rejoining(let trying): self = .retry(.rejoin, trying, loss, &steps, now)
        }
    }

    private static func retry(
        _ attempt: Attempt, _ failed: Trying, _ loss: Loss, _ steps: inout Steps, _ now: Instant
    ) -> ConnectionState {
        guard loss.error.isRetryable || loss.error.kind == .negotiationFailed else {
            steps.actions.append(.end(.failed(loss.error)))
            return .closed
        }
        // One failed resume is enough: the session may be gone, and joining anew always works. But a server that cannot
        // be asked keeps the session as long as media flows (docs/livekit-protocol.md#resuming).
        var policy = failed.policy
        if !loss.mayResume || attempt == .resume && !loss.isSessionKept { policy.resumeIsImpossible() }
        if attempt == .resume, loss.isSessionKept { policy.sessionIsKept() }
        steps.actions.append(.dropSignalling)
        return .pause(policy, mayResume: failed.mayResume, loss, &steps, now)
    }

    /// - Parameter first: the only attempt there is while there was never a session.
    private static func pause(
        _ policy: ReconnectPolicy, first: Attempt? = nil, mayResume: Bool, retriesLeft: Int = 0, _ loss: Loss,
        _ steps: inout Steps, _ now: Instant
    ) -> ConnectionState {
        var policy = policy
        guard let (next, pause) = policy.next(random: &steps.random) else {
            // What blocks media is for whoever runs the network; all else is the room's.
            let isMedia = loss.error.kind == .mediaUnreachable
            let error = isMedia ? loss.error : ParticipantError(.reconnectFailed, "\(loss.error)")
            steps.actions.append(.end(.failed(error)))
            return .closed
        }
        return .pausing(
            Pausing(
                deadline: now + pause, next: first ?? (next == .resume ? .resume : .rejoin), policy: policy,
                mayResume: mayResume, retriesLeft: retriesLeft))
    }

    mutating func end(_ ending: ParticipantEnding, _ steps: inout Steps) {
        steps.actions.append(.end(ending))
        self = .closed
    }
}

// MARK: - What can be asked

extension ConnectionState {
    /// A state without what is known in it.
    enum Phase: Hashable, CaseIterable {
        case idle, joining, connected, pausing, resuming, rejoining, closed
    }

    var phase: Phase {
        switch self {
        case .idle: .idle
        case .joining: .joining
        case .connected: .connected
        case .pausing: .pausing
        case .resuming: .resuming
        case .rejoining: .rejoining
        case .closed: .closed
        }
    }

    /// Which attempt is under way, or comes after the pause.
    var attempt: Attempt? {
        switch self {
        case .joining: .join
        case .pausing(let pausing): pausing.next
        case .resuming: .resume
        case .rejoining: .rejoin
        default: nil
        }
    }

    private var wait: Wait? {
        switch self {
        case .joining(let trying): trying.wait
        case .resuming(let trying): trying.wait
        case .rejoining(let trying): trying.wait
        default: nil
        }
    }

    /// What an attempt is waiting for; nil when none is under way.
    var awaited: Wait.Subject? { wait?.subject }

    /// When it is time for what comes next; nil while nothing is awaited.
    var deadline: Instant? {
        switch self {
        case .pausing(let pausing): pausing.deadline
        default: wait?.deadline
        }
    }
}
