internal import Wire

/// The agent's replies: the one that is being given, and the latest of those that are over, which a client may cut
/// afterwards.
struct OpenAIReplies: Sendable {
    /// How a reply ends.
    enum End: Hashable, Sendable {
        case completed
        /// - Parameter byCaller: the caller has spoken over it; else the client has asked for it.
        case cancelled(byCaller: Bool)
        /// Nobody goes on with it.
        case failed(code: String)
    }

    private static let maximumFinished = 8
    /// Sentences of replies that are over, which may be told once more.
    private static let maximumSegments = 16

    private(set) var current: OpenAIResponse?
    private var finished: [OpenAIResponse] = []
    /// The sentence that is being told, and what of it the client has.
    private var segment = ""
    private var told = ""
    private var closedSegments: [String] = []

    /// A reply that the client can name.
    subscript(_ item: String) -> OpenAIResponse? {
        current?.item == item ? current : finished.last { $0.item == item }
    }

    // MARK: Begin and end

    mutating func begin(_ conversation: inout OpenAIConversation) -> [ClientFrame] {
        guard current == nil else { return [] }
        let response = OpenAIResponse(id: conversation.mint("resp"), item: conversation.mint("item"))
        current = response
        let item = OpenAIItem(response.item, .agent(transcript: ""), .inProgress)
        let created = conversation.event(
            "response.created", ["response": Self.json(response.id, "in_progress", output: [])])
        let output = conversation.event(
            "response.output_item.added",
            ["response_id": .string(response.id), "output_index": 0, "item": item.json])
        return [
            created, output, conversation.add(item),
            conversation.event(
                "response.content_part.added",
                Self.place(response, ["part": ["type": "audio", "transcript": ""]])),
        ]
    }

    /// - Parameter goesOn: what is being said continues in another reply.
    mutating func finish(
        _ end: End, goesOn: Bool = false, _ conversation: inout OpenAIConversation
    ) -> [ClientFrame] {
        guard let response = current else { return [] }
        current = nil
        finished.append(response)
        finished.removeFirst(max(0, finished.count - Self.maximumFinished))
        if !goesOn, !segment.isEmpty {
            closedSegments.append(segment)
            closedSegments.removeFirst(max(0, closedSegments.count - Self.maximumSegments))
            (segment, told) = ("", "")
        }
        let item = OpenAIItem(
            response.item, .agent(transcript: response.transcript), end == .completed ? .completed : .incomplete)
        conversation.update(item)
        let text = JSONValue.string(response.transcript)
        return [
            conversation.event("response.output_audio.done", Self.place(response)),
            conversation.event("response.output_audio_transcript.done", Self.place(response, ["transcript": text])),
            conversation.event(
                "response.content_part.done",
                Self.place(response, ["part": ["type": "audio", "transcript": text]])),
            conversation.event(
                "response.output_item.done",
                ["response_id": .string(response.id), "output_index": 0, "item": item.json]),
            conversation.event(
                "conversation.item.done",
                ["previous_item_id": conversation.previous(of: item.id), "item": item.json]),
            conversation.event(
                "response.done", ["response": Self.json(response.id, end, output: [item.json])]),
        ]
    }

    /// Where in a response something belongs.
    private static func place(_ response: OpenAIResponse, _ members: JSONObject = [:]) -> JSONObject {
        var place: JSONObject = [
            "response_id": .string(response.id), "item_id": .string(response.item), "output_index": 0,
            "content_index": 0,
        ]
        for member in members.members { place.append(member.key, member.value) }
        return place
    }

    /// A response that is over, as events have it.
    static func json(_ id: String, _ end: End, output: [JSONValue]) -> JSONValue {
        switch end {
        case .completed: json(id, "completed", output: output)
        case .cancelled(let byCaller):
            json(
                id, "cancelled", output: output,
                details: ["type": "cancelled", "reason": byCaller ? "turn_detected" : "client_cancelled"])
        case .failed(let code):
            json(
                id, "failed", output: output,
                details: ["type": "failed", "error": ["type": "server_error", "code": .string(code)]])
        }
    }

    static func json(
        _ id: String, _ status: String, output: [JSONValue], details: JSONValue = .null
    ) -> JSONValue {
        var response: JSONObject = [
            "object": "realtime.response", "id": .string(id), "status": .string(status), "status_details": details,
            "output": .array(output), "conversation_id": .string(OpenAIConversation.id),
            "output_modalities": ["audio"], "max_output_tokens": "inf", "metadata": .null,
        ]
        // Nobody counts tokens here.
        response["usage"] =
            status == "in_progress"
            ? .null
            : [
                "total_tokens": 0, "input_tokens": 0, "output_tokens": 0,
                "input_token_details": ["text_tokens": 0, "audio_tokens": 0, "cached_tokens": 0],
                "output_token_details": ["text_tokens": 0, "audio_tokens": 0],
            ]
        return .object(response)
    }

    // MARK: Words and sound

    /// Whether the client does not have all of these words of a reply that is not over.
    func isNews(_ transcript: Transcript) -> Bool {
        let told = transcript.segmentID == segment ? told : ""
        return !closedSegments.contains(transcript.segmentID) && transcript.content.hasPrefix(told)
            && transcript.content.count > told.count
    }

    /// The agent's words in the present reply, which are news.
    mutating func take(_ transcript: Transcript, _ conversation: inout OpenAIConversation) -> [ClientFrame] {
        guard isNews(transcript), var response = current else { return [] }
        let isNew = transcript.segmentID != segment
        if isNew { (segment, told) = (transcript.segmentID, "") }
        var delta = String(transcript.content.dropFirst(told.count))
        told = transcript.content
        if isNew, let last = response.transcript.last, !last.isWhitespace, delta.first?.isWhitespace == false {
            delta = " " + delta
        }
        response.append(delta)
        current = response
        conversation.update(OpenAIItem(response.item, .agent(transcript: response.transcript), .inProgress))
        return [
            conversation.event(
                "response.output_audio_transcript.delta", Self.place(response, ["delta": .string(delta)]))
        ]
    }

    /// The client will play no more than so many ms of an item.
    mutating func truncate(
        _ item: String, _ milliseconds: Int, _ conversation: inout OpenAIConversation
    ) throws(OpenAIFault) -> [OpenAIStep] {
        guard let response = self[item] else { throw .unknownItem(item, to: "truncate") }
        guard milliseconds <= response.milliseconds else {
            throw .invalid("audio_end_ms", "at most \(response.milliseconds), as much as was sent of this item")
        }
        let place: JSONObject = [
            "item_id": .string(item), "content_index": 0, "audio_end_ms": .integer(Int64(milliseconds)),
        ]
        return [
            .send(conversation.event("conversation.item.truncated", place)),
            .event(.heard(milliseconds: milliseconds, text: response.heard(until: milliseconds))),
        ]
    }

    private static let soundHead = Array(#"{"type":"response.output_audio.delta","event_id":"event_"#.utf8)
    private static let soundTail = Array(#""}"#.utf8)

    /// Writes a message around a piece of sound. Sound that belongs to no reply has no place in this protocol.
    mutating func write(
        _ sound: Span<UInt8>, as format: AudioFormat, into message: inout [UInt8],
        _ conversation: inout OpenAIConversation
    ) {
        guard current != nil else { return }
        current?.note(soundOf: sound.count, in: format)
        message.append(contentsOf: Self.soundHead)
        Self.append(conversation.nextEvent(), to: &message)
        if let middle = current?.soundMiddle { message.append(contentsOf: middle) }
        Base64.append(sound, to: &message)
        message.append(contentsOf: Self.soundTail)
    }

    /// The digits of a number that is not negative.
    private static func append(_ number: Int, to message: inout [UInt8]) {
        let start = message.count
        var rest = number
        repeat {
            message.append(0x30 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        message[start...].reverse()
    }
}
