internal import Wire

/// Which transcripts a client gets, and how: the whole text each time, or what is new of it. A reply of 300 words that is
/// told word by word is 380 KB of whole texts and 50 KB of new ones.
struct TranscriptTelling: Sendable {
    /// What the client has of a segment.
    private struct Told: Sendable {
        let participant: String
        let segmentID: String
        var content: String
        var words: Int
    }

    /// Segments whose text is remembered: those under way.
    static let maximumSegments = 8

    private var events: EventVocabulary
    private var mode: TranscriptMode
    /// The client has no connection: what is told may replace what waits.
    private var isAway = false
    private var told: [Told] = []

    init(_ parameters: SessionParameters) {
        events = parameters.events
        mode = parameters.transcriptMode
    }

    mutating func adopt(_ parameters: SessionParameters) {
        events = parameters.events
        mode = parameters.transcriptMode
        if mode == .full { told = [] }
    }

    /// Whether each message has the whole text of its segment.
    var isWhole: Bool { mode == .full || isAway }

    /// The connection is lost, or another one is there: what was said may not have arrived, so it is said whole once more.
    mutating func connectionChanged(isThere: Bool) {
        isAway = !isThere
        told = []
    }

    /// The message about what was said; nil when the client does not want it.
    mutating func message(for transcript: Transcript) -> JSONObject? {
        // The client has the packet itself; a second telling would double the sentence.
        if transcript.source == .dataPacket { return nil }
        if events == .final, !transcript.isFinal { return nil }
        var message: JSONObject = ["type": "transcript", "role": .string(transcript.role.rawValue)]
        let earlier = isWhole ? nil : take(transcript)
        if let earlier, transcript.content.utf8.starts(with: earlier.content.utf8) {
            message["delta"] = .string(
                String(transcript.content.unicodeScalars.dropFirst(earlier.content.unicodeScalars.count)))
        } else {
            message["content"] = .string(transcript.content)
        }
        message["final"] = .bool(transcript.isFinal)
        message["segment_id"] = .string(transcript.segmentID)
        message["participant"] = .string(transcript.participant)
        // The final text has all words again.
        let known = transcript.isFinal ? earlier?.words ?? 0 : 0
        let words = transcript.words.dropFirst(known)
        if !words.isEmpty { message["words"] = .array(words.map(Self.describe)) }
        if let expression = transcript.expression {
            message["expression"] = .string(expression.words)
            message["mood"] = .string(expression.mood)
        }
        return message
    }

    /// What the client had of the segment; from now on it has this.
    private mutating func take(_ transcript: Transcript) -> Told? {
        let index = told.firstIndex {
            $0.segmentID == transcript.segmentID && $0.participant == transcript.participant
        }
        let earlier = index.map { told.remove(at: $0) }
        guard !transcript.isFinal else { return earlier }
        told.append(
            Told(
                participant: transcript.participant, segmentID: transcript.segmentID, content: transcript.content,
                words: (earlier?.words ?? 0) + transcript.words.count))
        if told.count > Self.maximumSegments { told.removeFirst() }
        return earlier
    }

    private static func describe(_ word: Transcript.Word) -> JSONValue {
        var object: JSONObject = ["text": .string(word.text)]
        object["start_ms"] = word.start.map { .integer(Int64($0)) }
        object["end_ms"] = word.end.map { .integer(Int64($0)) }
        return .object(object)
    }
}
