package import ClientProtocol
package import Wire

/// Makes transcripts of what the room says was spoken, for the users and for each agent from one source only: text streams
/// if there are any, else transcription packets, else JSON data packets. Lesser sources wait for a moment, because agents publish several
/// side by side in no fixed order. A better source that shows itself later takes over, without what was told already. Pure.
package struct TranscriptSelector: Sendable {
    /// The better ones have the higher values.
    private enum Source: Int, Sendable {
        case dataPackets
        case packets
        case streams
    }

    /// The own identity and the own microphone track: what is said there is the user's.
    package var callerIdentity = ""
    package var callerTrack: String?

    /// What is known of one speaker's sources.
    private struct Choice {
        var source: Source?
        var waiting: [(source: Source, transcript: Transcript)] = []
        var deadline: Instant?
        /// What was told last of lesser sources than streams, which a better one may say again.
        var told: [(source: Source, words: String, at: Instant)] = []
    }

    /// Texts of lesser sources that are remembered, and for how long: for a reply of usual length.
    private static let remembered = 8
    private static let memory = Duration.seconds(30)

    /// Agents whose sources are remembered; beyond it that of the one who came first is forgotten.
    private static let rememberedAgents = 16

    private let limits: Limits
    private var user = Choice()
    /// Agents of one room need not be of the same kind. In the order in which they spoke first.
    private var agents: [(identity: String, choice: Choice)] = []
    private var dataSegments = 0

    package init(limits: Limits) { self.limits = limits }

    /// When `handleTimeout` wants to be called.
    package var nextDeadline: Instant? {
        agents.reduce(user.deadline) { Instant.earliest($0, $1.choice.deadline) }
    }

    /// Takes what was spoken; nil when the client is not to be told, or not yet.
    /// - Parameter isAgent: whether the speaker is an agent.
    package mutating func take(_ spoken: SpokenText, isAgent: Bool, now: Instant) -> Transcript? {
        let isOwn = spoken.participant == callerIdentity || (spoken.track != nil && spoken.track == callerTrack)
        let transcript = Transcript(
            role: !isOwn && isAgent ? .assistant : .user, content: spoken.text, isFinal: spoken.isFinal,
            segmentID: spoken.segmentID, participant: isOwn ? callerIdentity : spoken.participant,
            words: spoken.words, expression: spoken.expression)
        return take(transcript, from: spoken.carrier == .stream ? .streams : .packets, now: now)
    }

    /// Takes an agent's JSON data packet; nil when it is not a transcript, or not to be told.
    package mutating func take(json: JSONValue, from agent: String, now: Instant) -> Transcript? {
        let role: Transcript.Role
        switch json["type"]?.string {
        case "transcript.user": role = .user
        case "transcript.assistant": role = .assistant
        default: return nil
        }
        guard let text = json["text"]?.string, !text.isEmpty else { return nil }
        let isFinal = json["is_final"]?.bool ?? true
        // Such packets carry no segment; it ends with the final one.
        let segment = "data-\(role.rawValue)-\(dataSegments)"
        if isFinal { dataSegments += 1 }
        return take(
            Transcript(
                role: role, content: text, isFinal: isFinal, segmentID: segment,
                participant: role == .user ? callerIdentity : agent, source: .dataPacket),
            from: .dataPackets, now: now)
    }

    /// Decides for the best source that has shown itself; returns what waited from it.
    package mutating func handleTimeout(now: Instant) -> [Transcript] {
        var transcripts = Self.handleTimeout(&user, now: now)
        for index in agents.indices { transcripts += Self.handleTimeout(&agents[index].choice, now: now) }
        return transcripts
    }

    private static func handleTimeout(_ choice: inout Choice, now: Instant) -> [Transcript] {
        guard let due = choice.deadline, due <= now else { return [] }
        choice.deadline = nil
        guard let best = choice.waiting.map(\.source).max(by: { $0.rawValue < $1.rawValue }) else { return [] }
        choice.source = best
        let transcripts = choice.waiting.filter { $0.source == best }.map(\.transcript)
        choice.waiting = []
        for transcript in transcripts { remember(transcript, of: best, in: &choice, now: now) }
        return transcripts
    }

    private mutating func take(_ transcript: Transcript, from origin: Source, now: Instant) -> Transcript? {
        switch transcript.role {
        case .user: Self.take(transcript, from: origin, &user, limits, now: now)
        case .assistant:
            Self.take(transcript, from: origin, &agents[agent(transcript.participant)].choice, limits, now: now)
        }
    }

    private mutating func agent(_ identity: String) -> Int {
        if let index = agents.firstIndex(where: { $0.identity == identity }) { return index }
        if agents.count == Self.rememberedAgents { agents.removeFirst() }
        agents.append((identity, Choice()))
        return agents.count - 1
    }

    private static func take(
        _ transcript: Transcript, from origin: Source, _ choice: inout Choice, _ limits: Limits, now: Instant
    ) -> Transcript? {
        if let source = choice.source {
            guard origin.rawValue >= source.rawValue else { return nil }
            choice.source = origin
            if repeats(transcript, of: origin, &choice, now: now) { return nil }
            remember(transcript, of: origin, in: &choice, now: now)
            return transcript
        }
        if origin == .streams {
            // The best source is there: what waited would say the same again.
            choice.source = .streams
            choice.waiting = []
            choice.deadline = nil
            return transcript
        }
        guard choice.waiting.count < limits.maximumWaitingTranscripts else { return nil }
        choice.waiting.append((origin, transcript))
        if choice.deadline == nil { choice.deadline = now + limits.transcriptSourceGrace }
        return nil
    }

    private static func remember(
        _ transcript: Transcript, of origin: Source, in choice: inout Choice, now: Instant
    ) {
        guard origin != .streams, transcript.isFinal else { return }
        choice.told.append((origin, words(transcript.content), now))
        choice.told.removeFirst(max(0, choice.told.count - remembered))
    }

    /// Whether a transcript says, as far as it goes, what a lesser source has said before. A segment that goes on otherwise is
    /// told, with all that it has.
    private static func repeats(
        _ transcript: Transcript, of origin: Source, _ choice: inout Choice, now: Instant
    ) -> Bool {
        guard !choice.told.isEmpty else { return false }
        choice.told.removeAll { now - $0.at > memory }
        let said = words(transcript.content)
        let index = choice.told.firstIndex { told in
            told.source.rawValue < origin.rawValue
                && (transcript.isFinal ? told.words == said : told.words.hasPrefix(said))
        }
        guard let index else { return false }
        if transcript.isFinal { choice.told.remove(at: index) }
        return true
    }

    /// The text as it is compared: agents differ in white space.
    private static func words(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
