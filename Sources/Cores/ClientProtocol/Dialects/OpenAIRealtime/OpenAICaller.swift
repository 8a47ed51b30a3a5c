internal import Wire

/// The caller's turns: what of its sound has come, when it speaks, and what was recognised of that.
///
/// A turn becomes an item when it is over. Words that come earlier wait, unless they are final: then the agent has decided
/// that the turn is over.
struct OpenAICaller: Sendable {
    /// How much sooner than the first sound of speech a turn begins, in ms.
    static let padding = 300
    /// What a client has to send before it can end a turn by itself, in ms.
    static let shortestTurn = 100
    /// Turns without words that are remembered.
    private static let maximumUnread = 8

    /// Words of the caller that belong to one item.
    private struct Reading: Sendable {
        let segment: String
        let item: String
        var told = ""
    }

    /// Sound that has come, in microseconds, in all and since the last turn.
    private var received = 0
    private var uncommitted = 0
    /// Where the latest turn began and ended on the clock of the caller's sound, in ms.
    private var turn = 0..<0
    /// The item of a turn that is not over.
    private(set) var open: String?
    /// Turns of which nothing is known yet.
    private var unread: [String] = []
    private var reading: Reading?
    /// The latest words, while their turn is not over.
    private var waiting: Transcript?

    private var milliseconds: Int { received / 1000 }

    /// Whether there is enough sound for a turn.
    var hasSound: Bool { uncommitted >= Self.shortestTurn * 1000 }

    mutating func note(soundOf bytes: Int, in format: AudioFormat) {
        let perSecond = format.sampleRate * (format.bytesPerSampleFrame ?? 2)
        received += bytes * 1_000_000 / perSecond
        uncommitted += bytes * 1_000_000 / perSecond
    }

    /// What has come since the last turn is none.
    mutating func forgetSound() { uncommitted = 0 }

    // MARK: Turns

    /// The caller begins to speak.
    /// - Parameter place: where in its sound, in ms; nil for its end.
    mutating func begin(at place: Int? = nil, _ conversation: inout OpenAIConversation) -> [ClientFrame] {
        guard open == nil else { return [] }
        let item = conversation.mint("item")
        open = item
        let start = min(max(turn.upperBound, (place ?? milliseconds) - Self.padding), milliseconds)
        turn = start..<max(start, milliseconds)
        return [
            conversation.event(
                "input_audio_buffer.speech_started",
                ["audio_start_ms": .integer(Int64(start)), "item_id": .string(item)])
        ]
    }

    /// The caller has stopped, or the agent has taken the turn for over.
    mutating func end(at place: Int? = nil, _ conversation: inout OpenAIConversation) -> [ClientFrame] {
        guard let item = open else { return [] }
        turn = turn.lowerBound..<max(turn.lowerBound, min(place ?? milliseconds, milliseconds))
        let stopped = conversation.event(
            "input_audio_buffer.speech_stopped",
            ["audio_end_ms": .integer(Int64(turn.upperBound)), "item_id": .string(item)])
        return [stopped] + commit(as: item, &conversation)
    }

    /// The turn is an item from here on: the one under way, or else what has come since the last one.
    mutating func commit(as name: String? = nil, _ conversation: inout OpenAIConversation) -> [ClientFrame] {
        let item = name ?? open ?? conversation.mint("item")
        if open == nil { turn = turn.upperBound..<max(turn.upperBound, milliseconds) }
        open = nil
        uncommitted = 0
        unread.append(item)
        unread.removeFirst(max(0, unread.count - Self.maximumUnread))
        let committed = conversation.event(
            "input_audio_buffer.committed",
            ["previous_item_id": conversation.previousMember, "item_id": .string(item)])
        let frames = [committed] + conversation.addComplete(OpenAIItem(item, .callerSound(transcript: nil)))
        guard let words = waiting else { return frames }
        waiting = nil
        return frames + take(words, isManual: false, &conversation)
    }

    // MARK: Words

    /// - Parameter isManual: the client ends its turns by itself.
    mutating func take(
        _ transcript: Transcript, isManual: Bool, _ conversation: inout OpenAIConversation
    ) -> [ClientFrame] {
        var frames: [ClientFrame] = []
        if reading?.segment != transcript.segmentID {
            if unread.isEmpty, !transcript.isFinal, open != nil || isManual {
                waiting = transcript
                return []
            }
            waiting = nil
            if open != nil { frames += end(&conversation) }
            if unread.isEmpty {
                // Nothing was heard of it here.
                let item = conversation.mint("item")
                unread.append(item)
                frames += conversation.addComplete(OpenAIItem(item, .callerSound(transcript: nil)))
            }
            reading = Reading(segment: transcript.segmentID, item: unread.removeFirst())
        }
        guard var reading else { return frames }
        // What was recognised otherwise before cannot be taken back: the last event has all of it.
        if transcript.content.hasPrefix(reading.told) {
            let delta = String(transcript.content.dropFirst(reading.told.count))
            reading.told = transcript.content
            if !delta.isEmpty { frames.append(event("delta", reading.item, ["delta": .string(delta)], &conversation)) }
        }
        self.reading = reading
        guard transcript.isFinal else { return frames }
        self.reading = nil
        conversation.update(OpenAIItem(reading.item, .callerSound(transcript: transcript.content)))
        let seconds = JSONValue.double(Double(turn.count) / 1000)
        frames.append(
            event(
                "completed", reading.item,
                ["transcript": .string(transcript.content), "usage": ["type": "duration", "seconds": seconds]],
                &conversation))
        return frames
    }

    private func event(
        _ kind: String, _ item: String, _ members: JSONObject, _ conversation: inout OpenAIConversation
    ) -> ClientFrame {
        conversation.event(
            "conversation.item.input_audio_transcription." + kind,
            JSONObject(
                members: [.init(key: "item_id", value: .string(item)), .init(key: "content_index", value: 0)]
                    + members.members))
    }
}
