internal import Wire

/// Sees whether a caller's room has an agent that listens, and asks for one when it has not. Pure: what happens and time
/// in, what is to be done out.
///
/// An agent of livekit-agents whose session is over stays in its room until the room ends, and nothing that the room
/// knows tells it from one that listens. So an agent that runs when the caller first sees it is asked, and counts from
/// its first answer on. It is asked some more times, since a session takes a moment to end. Only where the caller's own
/// participant is still in the room, and is replaced, the agents that are there have no reason to have ended their
/// sessions: they are not asked.
///
/// A dispatch that finds no worker gets none later; it has to be made again.
struct AgentWatch {
    enum Output: Hashable {
        /// Ask the agent's session whether it runs.
        case ask(agent: String, request: String)
        /// The agent counts from now on.
        case introduce(agent: String)
        /// The agent's session is over: another one shall take its place.
        case replace(agent: String, wasIntroduced: Bool)
        /// An agent that was away for a moment is back; nobody has been told that it went.
        case welcomeBack(agent: String)
        /// An agent has been away for too long.
        case dismiss(agent: String, reason: String)
        /// Nobody has come: dispatch again what nobody has taken.
        case renewDispatches
    }

    /// When a running agent is asked, from the moment on at which data can be sent.
    static let questionTimes: [Duration] = [.zero, .seconds(2), .seconds(5), .seconds(10)]
    /// How long an answer may take. An agent that is busy answers late.
    static let answerTimeout = Duration.seconds(5)
    /// When a dispatch that nobody has taken is made again; a worker may take 10 s for its answer. Each further pause is
    /// twice as long.
    static let firstRenewal = Duration.seconds(13)
    static let longestRenewalPause = Duration.seconds(120)

    /// How long an agent that lost its connection, or that we lost ours to, may take to come back.
    static let returnTime = Duration.seconds(10)

    private struct Presence {
        var isIntroduced: Bool
        /// Until when it may come back, and why it went; nil while it is there.
        var absence: (until: Instant, reason: String)?
        /// How many questions were asked; nil for an agent that is not asked.
        var questions: Int?
        var outstanding: (request: String, until: Instant)?
    }

    private var agents: [String: Presence] = [:]
    /// Whether agents that are there need not be asked.
    private var trustsPresent = false
    private var dataSince: Instant?
    private var isInterrupted = false
    /// Until when agents that are missing after an interruption may still come back: it may have been theirs, too.
    private var returnUntil: Instant?
    private var renewal: (at: Instant, pause: Duration)?
    private var lastRequest = 0
    private var outputs: [Output] = []

    mutating func poll() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    var nextDeadline: Instant? {
        var deadline = renewal?.at
        for presence in agents.values { deadline = .earliest(deadline, self.deadline(of: presence)) }
        return deadline
    }

    private func deadline(of presence: Presence) -> Instant? {
        if let absence = presence.absence { return absence.until }
        if let outstanding = presence.outstanding { return outstanding.until }
        guard let asked = presence.questions, asked < Self.questionTimes.count, let dataSince else { return nil }
        return dataSince + Self.questionTimes[asked]
    }

    mutating func handleTimeout(now: Instant) {
        for agent in agents.keys.sorted() {
            guard let presence = agents[agent], let deadline = deadline(of: presence), deadline <= now else { continue }
            if let absence = presence.absence {
                agents[agent] = nil
                outputs.append(.dismiss(agent: agent, reason: absence.reason))
            } else if presence.outstanding != nil {
                agents[agent] = nil
                outputs.append(.replace(agent: agent, wasIntroduced: presence.isIntroduced))
                awaitAgent(now: now)
            } else {
                lastRequest += 1
                let request = "voice-gateway-\(lastRequest)"
                agents[agent]?.questions = (presence.questions ?? 0) + 1
                agents[agent]?.outstanding = (request, now + Self.answerTimeout)
                outputs.append(.ask(agent: agent, request: request))
            }
        }
        if let renewal, renewal.at <= now {
            outputs.append(.renewDispatches)
            let pause = min(renewal.pause * 2, Self.longestRenewalPause)
            self.renewal = (now + pause, pause)
        }
    }

    // MARK: The caller's connection

    /// The caller is in the room.
    ///
    /// - Parameter replacing: in place of a participant of its own that was there until now.
    mutating func joined(replacing: Bool = false, now: Instant) {
        trustsPresent = replacing
        awaitAgent(now: now)
    }

    /// Data can be sent.
    mutating func connected(now: Instant) {
        trustsPresent = false
        dataSince = dataSince ?? now
        if isInterrupted { returnUntil = now + Self.returnTime }
        isInterrupted = false
        handleTimeout(now: now)
    }

    /// Data cannot be sent for a while; what was asked meanwhile may have got lost.
    mutating func interrupted() {
        dataSince = nil
        isInterrupted = true
        for (agent, presence) in agents where presence.questions != nil {
            agents[agent]?.questions = 0
            agents[agent]?.outstanding = nil
        }
    }

    private mutating func awaitAgent(now: Instant) {
        guard agents.isEmpty, renewal == nil else { return }
        renewal = (now + Self.firstRenewal, Self.firstRenewal)
    }

    // MARK: Agents

    /// An agent is in the room.
    /// - Parameter runsAlready: its session ran when it was first seen, and answers questions.
    mutating func arrived(_ agent: String, runsAlready: Bool, now: Instant) {
        if agents[agent]?.absence != nil {
            agents[agent] = Presence(isIntroduced: true, questions: nil)
            return outputs.append(.welcomeBack(agent: agent))
        }
        guard agents[agent] == nil else { return }
        renewal = nil
        let isAsked = runsAlready && !trustsPresent
        agents[agent] = Presence(isIntroduced: !isAsked, questions: isAsked ? 0 : nil)
        if isAsked { handleTimeout(now: now) } else { outputs.append(.introduce(agent: agent)) }
    }

    /// Whether the caller knows of an agent.
    func isIntroduced(_ agent: String) -> Bool {
        guard let presence = agents[agent] else { return false }
        return presence.isIntroduced && presence.absence == nil
    }

    /// The answer to a question came.
    mutating func answered(_ request: String) {
        guard let agent = agents.first(where: { $0.value.outstanding?.request == request })?.key else { return }
        agents[agent]?.outstanding = nil
        guard agents[agent]?.isIntroduced == false else { return }
        agents[agent]?.isIntroduced = true
        outputs.append(.introduce(agent: agent))
    }

    /// Whether answers are awaited.
    var awaitsAnswers: Bool { agents.values.contains { $0.outstanding != nil } }

    /// An agent has left the room.
    ///
    /// - Parameters:
    ///   - mayReturn: another session of its took its place, or is about to.
    ///   - reason: for people.
    mutating func left(_ agent: String, mayReturn: Bool, reason: String, now: Instant) {
        guard let presence = agents[agent] else { return }
        guard presence.isIntroduced else {
            agents[agent] = nil
            return awaitAgent(now: now)
        }
        if mayReturn || isInterrupted || returnUntil.map({ now < $0 }) == true {
            agents[agent]?.outstanding = nil
            agents[agent]?.absence = (now + Self.returnTime, reason)
        } else {
            // One that hung up is not called back.
            agents[agent] = nil
            outputs.append(.dismiss(agent: agent, reason: reason))
        }
    }
}
