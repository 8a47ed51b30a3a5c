internal import ClientProtocol
package import Wire

/// The course of a call as the caller's side sees it: when to speak, when a reply has begun and ended, when to hang up.
/// No socket and no clock inside.
package struct CallConversation: Sendable {
    /// What is to be said.
    package struct Plan: Hashable, Sendable {
        /// Frames of speech to send, 20 ms each.
        package var frames = 0
        /// How many of them come before the trailing silence.
        package var framesOfSpeech = 0
        package var texts: [String] = []
        /// Whether an agent is expected in the room.
        package var expectsAgent = true
        /// Whether the gateway speaks the legacy vocabulary.
        package var hasLegacyEvents = false
        /// Hang up this long after the connection opened.
        package var duration: Duration?

        package init() {}

        var speaks: Bool { frames > 0 || !texts.isEmpty }
    }

    /// What to do now.
    package enum Action: Hashable, Sendable {
        /// Send this frame of the speech.
        case frame(Int)
        case silence
        case text(String)
        case tell(News)
        case hangUp(Outcome)
    }

    /// Something that people want to know.
    package enum News: Hashable, Sendable {
        case speaking
        /// No agent listens, but the caller speaks nevertheless.
        case speakingToNobody
        /// The delay between the end of the speech and this; nil when the agent was speaking already.
        case replyBegan(Duration?)
        /// How long the reply lasted, silence at its end not counted.
        case replyEnded(Duration)
    }

    /// How the call ended.
    package enum Outcome: Hashable, Sendable {
        case replied
        case noReply
        /// Nothing was said, or the reply was still going on; the time is over.
        case timeIsOver(replied: Bool)
        case interrupted
    }

    /// How long to wait for an agent that listens before speaking to nobody.
    static let agentPatience: Duration = .seconds(10)
    /// An agent that greets begins so soon after it listens for the first time.
    static let greetingPatience: Duration = .seconds(1)
    /// The greeting is over when the agent listens and there was no sound for so long.
    static let quietAfterGreeting: Duration = .milliseconds(500)
    /// A greeting that takes longer is spoken over.
    static let longestGreeting: Duration = .seconds(30)
    /// How long to wait for a reply.
    static let replyPatience: Duration = .seconds(30)
    /// The reply has ended when there was no sound for so long and the agent listens.
    static let quietAtEnd: Duration = .milliseconds(1500)
    /// The same when nothing is known about the agent's state.
    static let quietWithoutState: Duration = .milliseconds(2500)
    /// The same when the agent says that it still speaks or thinks.
    static let quietWhileBusy: Duration = .seconds(10)
    /// A reply in text alone: so long after its last sentence no sound is expected any more.
    static let quietAfterText: Duration = .seconds(5)
    /// Sound after a shorter gap still belongs to what was said before.
    static let gap: Duration = .milliseconds(300)

    private enum Phase: Hashable {
        case waiting(until: Instant)
        /// The agent listens, and may be about to greet or greets.
        case greeting(since: Instant)
        case speaking
        case listening(since: Instant)
        case hearing(since: Instant)
        /// Nothing to say: only listens.
        case attending
        case over
    }

    private let plan: Plan
    private let openedAt: Instant
    private var phase: Phase
    private var actions: [Action] = []
    private var agentState: AgentState?
    private var lastSound: Instant?
    private var lastText: Instant?
    /// The next frame of the speech. Silence at the end of a file is still sent while the reply is awaited.
    private var nextFrame = 0
    private var hasReplied = false

    /// - Parameter now: when the connection opened.
    package init(_ plan: Plan, now: Instant) {
        self.plan = plan
        openedAt = now
        if !plan.speaks {
            phase = .attending
        } else {
            phase = .waiting(until: now + (plan.expectsAgent ? Self.agentPatience : .zero))
        }
    }

    /// The next thing to do; nil when there is none.
    package mutating func poll() -> Action? { actions.isEmpty ? nil : actions.removeFirst() }

    // MARK: What happens

    /// An event of the gateway.
    package mutating func receive(_ event: JSONValue, now: Instant) {
        switch event["type"]?.string {
        case "agent_state":
            agentState = (event["state"]?.string).flatMap { AgentState(rawValue: $0) }
            if agentState == .listening || agentState == .idle { awaitGreeting(now) }
        case "ready" where plan.hasLegacyEvents:
            // The legacy vocabulary knows no states: it says when it is the caller's turn.
            if lastSound != nil { agentState = .listening }
            awaitGreeting(now)
        case "transcript" where event["role"]?.string == "assistant" && event["final"]?.bool != false:
            noteText(now)
        case "text" where event["role"]?.string == "assistant":
            noteText(now)
        default:
            break
        }
    }

    /// Sound has arrived that is louder than silence.
    package mutating func hear(now: Instant) {
        if case .listening(let since) = phase {
            let wasSpeakingAlready = lastSound.map { $0 >= since || now - $0 < Self.gap } ?? false
            hasReplied = true
            phase = .hearing(since: now)
            actions.append(.tell(.replyBegan(wasSpeakingAlready ? nil : now - since)))
        }
        lastSound = now
    }

    /// Called every 20 ms.
    package mutating func tick(now: Instant) {
        if let duration = plan.duration, now - openedAt >= duration { return end(.timeIsOver(replied: hasReplied)) }
        if case .waiting(let deadline) = phase, now >= deadline {
            begin(now, plan.expectsAgent ? .speakingToNobody : .speaking)
        }
        if case .greeting(let since) = phase, isGreetingOver(since, now) { begin(now, .speaking) }
        sendFrame(now)
        switch phase {
        case .listening(let since):
            if let lastText, now - lastText >= Self.quietAfterText {
                hasReplied = true
                end(.replied)
            } else if now - since >= Self.replyPatience {
                end(.noReply)
            }
        case .hearing(let since):
            guard let lastSound, now - lastSound >= quiet else { return }
            actions.append(.tell(.replyEnded(lastSound - since)))
            end(.replied)
        case .waiting, .greeting, .speaking, .attending, .over:
            break
        }
    }

    /// Ctrl-C.
    package mutating func interrupt() { end(.interrupted) }

    // MARK: Steps

    private var quiet: Duration {
        switch agentState {
        case nil: Self.quietWithoutState
        case .listening, .idle: Self.quietAtEnd
        case .initializing, .thinking, .speaking: Self.quietWhileBusy
        }
    }

    private mutating func awaitGreeting(_ now: Instant) {
        guard case .waiting = phase else { return }
        phase = .greeting(since: now)
        if !plan.expectsAgent { begin(now, .speaking) }
    }

    private func isGreetingOver(_ since: Instant, _ now: Instant) -> Bool {
        guard now - since < Self.longestGreeting else { return true }
        guard now - since >= Self.greetingPatience else { return false }
        if let lastSound, now - lastSound < Self.quietAfterGreeting { return false }
        return agentState.map { $0 == .listening || $0 == .idle } ?? true
    }

    private mutating func begin(_ now: Instant, _ news: News) {
        phase = .speaking
        if plan.frames > 0 { actions.append(.tell(news)) } else { finishSpeaking(now) }
    }

    private mutating func sendFrame(_ now: Instant) {
        switch phase {
        case .waiting, .greeting, .attending:
            actions.append(.silence)
        case .over:
            break
        case .speaking, .listening, .hearing:
            guard nextFrame < plan.frames else { return actions.append(.silence) }
            actions.append(.frame(nextFrame))
            nextFrame += 1
            if phase == .speaking, nextFrame >= plan.framesOfSpeech {
                finishSpeaking(now + .milliseconds(CallSpeech.frameMilliseconds))
            }
        }
    }

    /// - Parameter end: when the last sound of the speech has been played.
    private mutating func finishSpeaking(_ end: Instant) {
        for text in plan.texts { actions.append(.text(text)) }
        phase = .listening(since: end)
    }

    private mutating func noteText(_ now: Instant) {
        switch phase {
        case .listening, .hearing: lastText = now
        case .waiting, .greeting, .speaking, .attending, .over: break
        }
    }

    private mutating func end(_ outcome: Outcome) {
        guard phase != .over else { return }
        phase = .over
        actions.append(.hangUp(outcome))
    }
}
