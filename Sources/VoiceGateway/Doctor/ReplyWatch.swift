package import Wire

/// Waits for an agent's greeting, asks when there is none, and waits for the answer. Pure: what happens and time in, what is
/// to be done out.
package struct ReplyWatch {
    package enum Output: Hashable, Sendable {
        /// Say something to the agent.
        case ask
        /// The agent is heard. True for a greeting; the time since it was asked, or since it was there.
        case heard(isGreeting: Bool, after: Duration)
        case failed(Ailment.MissingReply)
    }

    /// An agent that greets begins so soon after it says that it listens.
    static let greetingPatience: Duration = .seconds(2)
    /// The same for an agent that says nothing of its state.
    static let greetingPatienceWithoutState: Duration = .seconds(5)
    /// How long an agent may take until it listens.
    static let readyPatience: Duration = .seconds(15)
    /// How long sound may come after the text of the same reply.
    static let soundPatience: Duration = .seconds(5)

    private let patience: Duration
    private let arrivedAt: Instant
    private var askAt: Instant
    private var hasState = false
    private var askedAt: Instant?
    private var textAt: Instant?
    private var isOver = false
    private var outputs: [Output] = []

    /// - Parameters:
    ///   - patience: how long the answer to a question may take.
    ///   - now: when the agent joined.
    package init(patience: Duration, now: Instant) {
        self.patience = patience
        arrivedAt = now
        askAt = now + Self.greetingPatienceWithoutState
    }

    package mutating func poll() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    package var nextDeadline: Instant? {
        if isOver { return nil }
        if let textAt { return textAt + Self.soundPatience }
        return askedAt.map { $0 + patience } ?? askAt
    }

    /// The agent says what it does: `isReady` for listening or idle.
    package mutating func stateChanged(isReady: Bool, now: Instant) {
        guard askedAt == nil, !isOver else { return }
        if isReady {
            askAt = now + Self.greetingPatience
        } else if !hasState {
            askAt = arrivedAt + Self.readyPatience
        }
        hasState = true
    }

    /// Sound has come that is louder than silence.
    package mutating func hear(now: Instant) {
        end(.heard(isGreeting: askedAt == nil, after: now - (askedAt ?? arrivedAt)))
    }

    /// The agent has written something, or what it says is written along.
    package mutating func read(now: Instant) {
        if !isOver, textAt == nil { textAt = now }
    }

    package mutating func agentLeft() { end(.failed(.agent)) }

    package mutating func couldNotAsk(_ reason: String) { end(.failed(.question(reason))) }

    package mutating func handleTimeout(now: Instant) {
        guard let deadline = nextDeadline, deadline <= now else { return }
        if textAt != nil {
            end(.failed(.sound))
        } else if askedAt != nil {
            end(.failed(.everything))
        } else {
            askedAt = now
            outputs.append(.ask)
        }
    }

    private mutating func end(_ output: Output) {
        guard !isOver else { return }
        isOver = true
        outputs.append(output)
    }
}
