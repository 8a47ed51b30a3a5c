internal import Wire

/// Turns final transcripts, which agents publish sentence by sentence, into what old clients expect: one `transcript`
/// a turn and one `text` a reply.
///
/// The user's sentences wait until the reply begins, because only that tells that the turn is over; the agent's wait
/// until all of it has been sent, because the last one may come after the state that ends it. An agent that shows no
/// state gives its sentences at once: nothing would tell the end of a reply without sound.
struct LegacyTranscripts: Sendable {
    /// Bytes of waiting text beyond which it is told early.
    static let maximumWaitingSize = 64 << 10
    /// Segments that are remembered so that they are not told again.
    static let rememberedSegments = 64

    private struct Segment: Hashable, Sendable {
        var id: String
        var content: String
    }

    private var user: [Segment] = []
    private var assistant: [Segment] = []
    /// The agent's segments of this reply that were not final yet, and those of the replies before.
    private var unfinished: [String] = []
    private var late: [String] = []
    private var told: [String] = []
    private var state: AgentState?
    private var replyHasBegun = false
    /// The agent's state has told of a reply whose end will be told.
    private var awaitsEnd = false

    /// Takes a transcript; returns what is to be told now.
    mutating func take(_ transcript: Transcript) -> [ClientFrame] {
        switch transcript.role {
        case .user:
            guard transcript.isFinal, Self.note(transcript, in: &user, told: told) else { return [] }
            return replyHasBegun || size(user) > Self.maximumWaitingSize ? tellUser() : []
        case .assistant:
            if late.contains(transcript.segmentID) { return transcript.isFinal ? tellLate(transcript) : [] }
            note(unfinished: transcript)
            // While the agent listens this is the late end of a reply, and the user's next turn goes on.
            let isReply = state != .listening && state != .idle
            if isReply { replyHasBegun = true }
            let frames = isReply ? tellUser() : []
            guard transcript.isFinal, Self.note(transcript, in: &assistant, told: told) else { return frames }
            return awaitsEnd && size(assistant) <= Self.maximumWaitingSize ? frames : frames + tellAssistant()
        }
    }

    /// The agent does something else now.
    mutating func change(to state: AgentState) -> [ClientFrame] {
        self.state = state
        switch state {
        case .speaking:
            replyHasBegun = true
            awaitsEnd = true
            return tellUser()
        case .thinking: awaitsEnd = true
        case .listening, .idle: replyHasBegun = false
        case .initializing: break
        }
        return []
    }

    /// The reply is heard next: what it answers comes first.
    mutating func beginReply() -> [ClientFrame] {
        replyHasBegun = true
        return tellUser()
    }

    /// The reply has been sent, or nothing more will come of it.
    mutating func endReply() -> [ClientFrame] {
        let frames = tellUser() + tellAssistant()
        late = (late + unfinished).suffix(Self.rememberedSegments)
        unfinished = []
        replyHasBegun = false
        awaitsEnd = false
        return frames
    }

    /// The client begins another turn: what is known of the one before cannot wait any longer.
    mutating func beginTurn() -> [ClientFrame] { tellUser() }

    /// The agent has gone, and its state with it.
    mutating func agentLeft() -> [ClientFrame] {
        state = nil
        return endReply()
    }

    private func size(_ segments: [Segment]) -> Int { segments.reduce(0) { $0 + $1.content.utf8.count } }

    /// False when the segment says nothing, or was told before.
    private static func note(_ transcript: Transcript, in segments: inout [Segment], told: [String]) -> Bool {
        guard transcript.content.unicodeScalars.contains(where: { !$0.properties.isWhitespace }),
            !told.contains(transcript.segmentID)
        else { return false }
        if let index = segments.firstIndex(where: { $0.id == transcript.segmentID }) {
            segments[index].content = transcript.content
        } else {
            segments.append(Segment(id: transcript.segmentID, content: transcript.content))
        }
        return true
    }

    private mutating func note(unfinished transcript: Transcript) {
        let id = transcript.segmentID
        guard !id.isEmpty else { return }
        if transcript.isFinal {
            unfinished.removeAll { $0 == id }
        } else if !unfinished.contains(id), unfinished.count < Self.rememberedSegments {
            unfinished.append(id)
        }
    }

    /// The end of a reply that the client takes to be over belongs neither to what the user has said since nor to the
    /// next reply: the agent, when it is cut short, may tell of its next thought before it tells what it has said.
    private mutating func tellLate(_ transcript: Transcript) -> [ClientFrame] {
        late.removeAll { $0 == transcript.segmentID }
        var segments: [Segment] = []
        return Self.note(transcript, in: &segments, told: told) ? text(of: segments) : []
    }

    private mutating func tellUser() -> [ClientFrame] {
        let segments = user
        user = []
        guard let content = join(segments) else { return [] }
        return [frame(["type": "transcript", "role": "user", "content": .string(content)])]
    }

    private mutating func tellAssistant() -> [ClientFrame] {
        let segments = assistant
        assistant = []
        return text(of: segments)
    }

    private mutating func text(of segments: [Segment]) -> [ClientFrame] {
        guard let content = join(segments) else { return [] }
        return [frame(["type": "text", "role": "assistant", "content": .string(content)])]
    }

    private mutating func join(_ segments: [Segment]) -> String? {
        guard !segments.isEmpty else { return nil }
        let content = segments.map { $0.content.trimmed(.whiteSpace) }.joined(separator: " ")
        told.append(contentsOf: segments.lazy.map(\.id).filter { !$0.isEmpty })
        told.removeFirst(max(0, told.count - Self.rememberedSegments))
        return content
    }

    private func frame(_ message: JSONObject) -> ClientFrame { .text(JSONValue.object(message).serialized()) }
}
