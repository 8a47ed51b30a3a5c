internal import Wire

/// The protocol of `/v1/conversation/ws` as its old clients speak it: base64 audio in JSON, turns that the client
/// ends. The texts of its messages are part of the protocol.
///
/// With extended events chosen, by the query or by a `config` message, the client's other messages of that vocabulary
/// are read as well, and everything but the turn's own messages is written in it.
package struct LegacyVocabulary: Vocabulary {
    /// A turn with fewer bytes of audio is taken for a slip of the finger.
    package static let minimumTurnBytes = 100
    /// Bytes of a text message.
    package static let maximumTextSize = ExtendedVocabulary.maximumTextSize
    /// Characters of the instructions that the answer to `config` repeats. The old server counted code points.
    package static let repeatedInstructions = 50
    /// The largest API key, in bytes.
    package static let maximumKeySize = 1024

    /// Types that mean something to old clients; an agent's own JSON of such a type would confuse them.
    private static let serverTypes: Set<String> = [
        "ready", "configured", "buffering", "processing", "transcript", "text", "audio", "error",
    ]
    /// Messages that only clients with extended events send.
    private static let extendedTypes: Set<String> = [
        "interrupt", "data", "ping", "dtmf", "mute", "unmute", "rpc", "rpc_result", "rpc_error",
    ]

    package private(set) var events: EventVocabulary
    /// Decoded bytes of audio since the last turn ended.
    package private(set) var turnBytes = 0
    /// Some of them came in binary frames, which do not pass through here.
    private var hasBinaryAudio = false

    private let limits: RecordingLimits
    private var reader: RecordingReader
    private var transcripts = LegacyTranscripts()
    private var extended = ExtendedVocabulary()
    /// The turn has had sound, so that what waits of the turn before has been told.
    private var isInTurn = false

    package init(limits: RecordingLimits = RecordingLimits(), events: EventVocabulary = .legacy) {
        self.limits = limits
        self.events = events
        reader = RecordingReader(limits: limits)
    }

    mutating func adopt(_ parameters: SessionParameters) {
        events = parameters.events
        extended.adopt(parameters)
    }

    var replacesTranscripts: Bool { extended.replacesTranscripts }

    mutating func connectionChanged(isThere: Bool) { extended.connectionChanged(isThere: isThere) }

    // MARK: From the client

    package mutating func noteBinaryAudio(byteCount: Int) -> [DialectOutput] {
        turnBytes += max(0, byteCount)
        hasBinaryAudio = true
        return beginTurn()
    }

    package mutating func decode(text: [UInt8]) -> [DialectOutput] {
        guard text.count <= limits.maximumMessageBytes else {
            return [
                Self.refusal(
                    "The message has \(text.count) bytes. At most \(limits.maximumMessageBytes) are accepted.")
            ]
        }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text, maximumSize: limits.maximumMessageBytes)
        } catch {
            return [Self.refusal("Invalid JSON: \(error)")]
        }
        return act(on: value, sound: nil) { text }
    }

    package mutating func decode(large message: LargeMessage) -> [DialectOutput] {
        do throws(ClientError) {
            let value = try message.value()
            return act(on: value, sound: message.sound) { value.serializedBytes() }
        } catch {
            return [.reply(.error(error))]
        }
    }

    /// - Parameters:
    ///   - sound: what `data` is as base64, if that is known already.
    ///   - text: the message.
    private mutating func act(
        on value: JSONValue, sound: Result<[UInt8], Base64Error>?, text: () -> [UInt8]
    ) -> [DialectOutput] {
        guard let message = value.object else {
            return [Self.refusal("Invalid message: a JSON \(value.kindName) instead of an object")]
        }
        guard let type = message["type"]?.string else {
            return [Self.refusal("Invalid message: it has no \"type\", or one that is not a string")]
        }
        switch type {
        case "auth": return authenticate(message)
        case "config": return configure(message)
        case "audio": return audio(message, sound)
        case "end_turn": return endTurn()
        case "text": return typed(message)
        default:
            // What neither side knows is passed over, as it always was.
            guard events.isExtended, Self.extendedTypes.contains(type) else { return [] }
            return extended.decode(text: text())
        }
    }

    private static func refusal(_ message: String) -> DialectOutput {
        .reply(.error(ClientError(.invalidMessage, message)))
    }

    private static func send(_ message: JSONObject) -> DialectOutput {
        .send(.text(JSONValue.object(message).serialized()))
    }

    private func authenticate(_ message: JSONObject) -> [DialectOutput] {
        guard let key = message["apiKey"]?.string, key.utf8.count <= Self.maximumKeySize else {
            return [Self.refusal("Invalid message: auth needs \"apiKey\", a string")]
        }
        return [.event(.authenticate(apiKey: key))]
    }

    private mutating func configure(_ message: JSONObject) -> [DialectOutput] {
        let data: JSONObject
        switch message["data"] {
        case nil, .null?: data = [:]
        case .object(let object)?: data = object
        case let other?:
            return [
                Self.refusal("Invalid message: config has \"data\" as a JSON \(other.kindName) instead of an object")
            ]
        }
        if let chosen = (data["events"]?.string).flatMap(EventVocabulary.init(rawValue:)) { events = chosen }
        return [.event(.configure(data))]
    }

    private mutating func typed(_ message: JSONObject) -> [DialectOutput] {
        guard let text = message["data"]?.string, !text.isEmpty, text.utf8.count <= Self.maximumTextSize else {
            return [
                Self.refusal("Invalid message: text needs \"data\", a string of 1 to \(Self.maximumTextSize) bytes")
            ]
        }
        return transcripts.beginTurn().map { .send($0) } + [.event(.text(text))]
    }

    private mutating func audio(
        _ message: JSONObject, _ sound: Result<[UInt8], Base64Error>?
    ) -> [DialectOutput] {
        guard let bytes = (message["data"]?.string).flatMap({ try? sound?.get() ?? Base64.decodeTolerantly($0) }) else {
            return [.reply(.error(RecordingProblem.undecodable.clientError))]
        }
        var outputs = beginTurn()
        var sounds: [RecordingReader.Sound] = []
        var problem: RecordingProblem?
        do throws(RecordingProblem) {
            try reader.append(bytes, to: &sounds)
        } catch {
            problem = error
        }
        outputs += sounds.map(Self.output)
        if let problem { return outputs + [.reply(.error(problem.clientError))] }
        turnBytes += bytes.count
        outputs.append(
            Self.send([
                "type": "buffering", "chunks": .integer(Int64(turnBytes / 1000)), "bytes": .integer(Int64(turnBytes)),
            ]))
        return outputs
    }

    private mutating func endTurn() -> [DialectOutput] {
        defer {
            turnBytes = 0
            isInTurn = false
            hasBinaryAudio = false
        }
        guard turnBytes >= Self.minimumTurnBytes else {
            reader.discardTurn()
            let message = "Not enough audio data (\(turnBytes) bytes). Hold the button longer."
            return [.event(.forgetTurn), .reply(.error(ClientError(.invalidAudio, message)))]
        }
        var outputs: [DialectOutput] = []
        let hasSound = reader.hasSound || hasBinaryAudio
        if reader.hasWebM { outputs.append(Self.send(["type": "processing", "message": "Converting audio..."])) }
        var sounds: [RecordingReader.Sound] = []
        do throws(RecordingProblem) {
            try reader.endTurn(&sounds)
        } catch {
            let refusal = DialectOutput.reply(.error(error.clientError))
            // Sound that came before the broken file is a turn nevertheless; without any, nothing has been said.
            guard hasSound else { return [refusal] }
            outputs.append(refusal)
        }
        outputs.append(Self.send(["type": "processing", "message": "Transcribing..."]))
        return outputs + sounds.map(Self.output) + [.event(.endTurn)]
    }

    private mutating func beginTurn() -> [DialectOutput] {
        guard !isInTurn else { return [] }
        isInTurn = true
        return transcripts.beginTurn().map { .send($0) }
    }

    private static func output(_ sound: RecordingReader.Sound) -> DialectOutput {
        switch sound {
        case .packet(let bytes): .event(.opusPacket(bytes))
        case .recording(let file): .event(.recording(file))
        }
    }

    // MARK: To the client

    package mutating func encode(_ event: ServerEvent) -> [ClientFrame] {
        if events == .none { return [] }
        switch event {
        case .ready:
            return [
                Self.frame([
                    "type": "ready", "message": "Connected. Send audio chunks, then 'end_turn' to process.",
                ])
            ]
        case .configured(let instructions): return [Self.configured(instructions)]
        case .replyFinished:
            let ready = Self.frame(["type": "ready", "message": "Ready for next turn"])
            return events.isExtended ? [ready] : transcripts.endReply() + [ready]
        default: return events.isExtended ? extended.encode(event) : encodeLegacy(event)
        }
    }

    private mutating func encodeLegacy(_ event: ServerEvent) -> [ClientFrame] {
        switch event {
        case .transcript(let transcript): return transcripts.take(transcript)
        case .agentState(let state): return transcripts.change(to: state)
        case .replyStarted: return transcripts.beginReply()
        case .agentLeft: return transcripts.agentLeft()
        case .closing: return transcripts.endReply()
        case .error(let error): return [Self.error(error)]
        case .verbatim(let text, _): return Self.isForOldClients(text) ? [.text(text)] : []
        case .session, .interrupted, .agentJoined, .data, .pong, .warning, .reconnecting, .reconnected: return []
        case .ready, .configured, .replyFinished, .move, .callEnded, .callerSpeech, .agentEvent, .dtmf: return []
        }
    }

    private static func frame(_ message: JSONObject) -> ClientFrame { .text(JSONValue.object(message).serialized()) }

    /// The three dots follow however short the instructions are.
    private static func configured(_ instructions: String?) -> ClientFrame {
        var start = String.UnicodeScalarView()
        start.append(contentsOf: (instructions ?? "").unicodeScalars.prefix(repeatedInstructions))
        return frame(["type": "configured", "instructions": .string(String(start) + "...")])
    }

    private static func error(_ error: ClientError) -> ClientFrame {
        var message: JSONObject = ["type": "error"]
        // Parameters are newer than these clients, and their error has its code on every path.
        if error.code == .invalidParameter { message["code"] = .string(error.code.rawValue) }
        message["message"] = .string(error.message)
        return frame(message)
    }

    /// Old clients know these words for it; why it is so the error before has told them.
    static func closure(_ reason: ClosingReason, message: String) -> (code: UInt16, reason: String) {
        (reason.closeCode, reason == .roomUnavailable ? AdmissionRefusal.unavailable.closeReason : message)
    }

    /// An agent's JSON passes as it is, unless its type is one of the protocol's own: it would be taken for the
    /// gateway's word, and say things twice.
    private static func isForOldClients(_ text: String) -> Bool {
        guard let type = (try? JSONValue(parsing: text))?["type"]?.string else { return true }
        return !serverTypes.contains(type)
    }
}
