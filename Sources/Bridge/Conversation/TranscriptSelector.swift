package import ClientProtocol
package import Wire

/// Makes transcripts of what the room says was spoken, from one source only: text streams if there are any, else
/// transcription packets, else JSON data packets. Lesser sources wait for a moment, because agents publish several
/// side by side in no fixed order. Pure.
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

    private let limits: Limits
    private var source: Source?
    private var waiting: [(source: Source, transcript: Transcript)] = []
    private var dataSegments = 0

    package init(limits: Limits) { self.limits = limits }

    /// When `handleTimeout` wants to be called.
    package private(set) var nextDeadline: Instant?

    /// Takes what was spoken; nil when the client is not to be told, or not yet.
    /// - Parameter isAgent: whether the speaker is an agent.
    package mutating func take(_ spoken: SpokenText, isAgent: Bool, now: Instant) -> Transcript? {
        let isOwn = spoken.participant == callerIdentity || (spoken.track != nil && spoken.track == callerTrack)
        let transcript = Transcript(
            role: !isOwn && isAgent ? .assistant : .user, content: spoken.text, isFinal: spoken.isFinal,
            segmentID: spoken.segmentID, participant: isOwn ? callerIdentity : spoken.participant,
            words: spoken.words)
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
        guard let due = nextDeadline, due <= now else { return [] }
        nextDeadline = nil
        guard let best = waiting.map(\.source).max(by: { $0.rawValue < $1.rawValue }) else { return [] }
        source = best
        let told = waiting.filter { $0.source == best }.map(\.transcript)
        waiting = []
        return told
    }

    private mutating func take(_ transcript: Transcript, from origin: Source, now: Instant) -> Transcript? {
        if origin == .streams, source == nil {
            // The best source is there: what waited would say the same again.
            source = .streams
            waiting = []
            nextDeadline = nil
        }
        if let source { return source == origin ? transcript : nil }
        guard waiting.count < limits.maximumWaitingTranscripts else { return nil }
        waiting.append((origin, transcript))
        if nextDeadline == nil { nextDeadline = now + limits.transcriptSourceGrace }
        return nil
    }
}
