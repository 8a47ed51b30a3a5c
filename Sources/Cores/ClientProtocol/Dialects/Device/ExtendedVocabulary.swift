internal import Wire

/// The vocabulary of `/ws`: one JSON object a text frame, named by its `type`.
package struct ExtendedVocabulary: Vocabulary {
    /// The names of messages that a client may send.
    package static let messageTypes = [
        "config", "audio", "text", "end_turn", "interrupt", "data", "ping", "dtmf", "mute", "unmute", "auth", "rpc",
        "rpc_result", "rpc_error",
    ]
    /// What the gateway itself says. An agent's JSON of such a type would be taken for the gateway's word, so it goes as
    /// `data`, with its sender. `interrupted` is not among them: it means the same from either.
    static let ownTypes: Set<String> = [
        "ready", "session", "configured", "transcript", "agent_state", "agent_joined", "agent_left", "data", "pong",
        "error",
        "warning", "closing", "reconnecting", "reconnected", "move", "audio", "rpc", "rpc_result", "rpc_error",
        "dtmf",
    ]
    /// Bytes of a text message, of a topic, and keys in one `dtmf` message.
    package static let maximumTextSize = 16 * 1024
    package static let maximumTopicSize = 256
    package static let maximumDigits = 32
    /// Characters of the instructions that the answer to `config` repeats.
    package static let repeatedInstructions = 50

    private var transcripts: TranscriptTelling

    package init(_ parameters: SessionParameters = SessionParameters(events: .extended)) {
        transcripts = TranscriptTelling(parameters)
    }

    mutating func adopt(_ parameters: SessionParameters) { transcripts.adopt(parameters) }

    /// Whether a later text of a segment stands for the earlier ones.
    var replacesTranscripts: Bool { transcripts.isWhole }

    mutating func connectionChanged(isThere: Bool) { transcripts.connectionChanged(isThere: isThere) }

    package mutating func noteBinaryAudio(byteCount: Int) -> [DialectOutput] { [] }

    package mutating func decode(text: [UInt8]) -> [DialectOutput] {
        do throws(ClientError) {
            return [.event(try Self.event(from: text))]
        } catch {
            return [.reply(.error(error))]
        }
    }

    package mutating func decode(large message: LargeMessage) -> [DialectOutput] {
        do throws(ClientError) {
            return [.event(try Self.event(from: try message.value(), sound: message.sound))]
        } catch {
            return [.reply(.error(error))]
        }
    }

    private static func event(from text: [UInt8]) throws(ClientError) -> ClientEvent {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text)
        } catch {
            throw ClientError(.invalidMessage, "the message is not JSON: \(error)")
        }
        return try event(from: value, sound: nil)
    }

    /// - Parameter sound: what `data` is as base64, if that is known already.
    private static func event(
        from value: JSONValue, sound: Result<[UInt8], Base64Error>?
    ) throws(ClientError) -> ClientEvent {
        guard let message = value.object else {
            throw ClientError(.invalidMessage, "the message is a JSON \(value.kindName); it must be an object")
        }
        guard let given = message["type"] else {
            throw ClientError(
                .invalidMessage, "the message has no \"type\"; allowed: \(messageTypes.joined(separator: ", "))")
        }
        guard let type = given.string else { throw unknownType(given.serialized()) }
        switch type {
        case "config":
            guard let data = message["data"]?.object else {
                throw ClientError(.invalidMessage, "config needs \"data\", an object with session parameters")
            }
            return .configure(data)
        case "audio":
            guard let text = message["data"]?.string else {
                throw ClientError(.invalidAudio, "audio needs \"data\": base64 of bytes in the session's input format")
            }
            do throws(Base64Error) {
                guard let sound else { return .audio(try Base64.decodeTolerantly(text)) }
                return .audio(try sound.get())
            } catch {
                throw ClientError(.invalidAudio, "audio has \"data\" that is not base64: \(error)")
            }
        case "text":
            guard let data = message["data"]?.string, !data.isEmpty, data.utf8.count <= maximumTextSize else {
                throw ClientError(
                    .invalidMessage, "text needs \"data\": a string of 1 to \(maximumTextSize) bytes")
            }
            return .text(data)
        case "data": return try dataEvent(message)
        case "dtmf": return try dtmfEvent(message)
        case "ping": return .ping(id: message["id"])
        case "end_turn": return .endTurn
        case "interrupt": return .interrupt
        case "mute": return .mute
        case "unmute": return .unmute
        case "auth":
            guard let key = message["apiKey"]?.string else {
                throw ClientError(.invalidMessage, "auth needs \"apiKey\", a string")
            }
            return .authenticate(apiKey: key)
        case "rpc": return .call(try RPCMessage.call(message))
        case "rpc_result", "rpc_error": return try RPCMessage.outcome(message)
        default: throw unknownType(type)
        }
    }

    private static func unknownType(_ value: String) -> ClientError {
        let shown = InvalidParameter(name: "type", value: value, allowed: messageTypes.joined(separator: ", "))
        return ClientError(.invalidMessage, shown.clientError.message)
    }

    private static func dataEvent(_ message: JSONObject) throws(ClientError) -> ClientEvent {
        let topic = message["topic"]?.string ?? ""
        guard topic.utf8.count <= maximumTopicSize, message["topic"].map({ $0.string != nil }) ?? true else {
            throw ClientError(
                .invalidMessage, "data needs \"topic\" to be a string of at most \(maximumTopicSize) bytes")
        }
        switch (message["payload"], message["encoding"]?.string) {
        case (.string(let text)?, "base64"):
            do throws(Base64Error) {
                return .data(topic: topic, payload: try Base64.decodeTolerantly(text))
            } catch {
                throw ClientError(
                    .invalidMessage, "data has \"encoding\" base64, but its \"payload\" is not base64: \(error)")
            }
        case (.string(let text)?, _): return .data(topic: topic, payload: Array(text.utf8))
        case (let value?, _): return .data(topic: topic, payload: value.serializedBytes())
        case (nil, _):
            throw ClientError(.invalidMessage, "data needs \"payload\": a string, any other JSON, or base64")
        }
    }

    private static func dtmfEvent(_ message: JSONObject) throws(ClientError) -> ClientEvent {
        let text = message["digits"] ?? message["digit"]
        let string = text?.string ?? text?.integer.map(String.init) ?? ""
        let digits = string.uppercased().compactMap(DTMFDigit.init(rawValue:))
        guard !digits.isEmpty, digits.count == string.count, digits.count <= maximumDigits else {
            throw ClientError(
                .invalidMessage, "dtmf needs \"digits\": 1 to \(maximumDigits) of 0-9, *, #, A-D")
        }
        return .dtmf(digits)
    }

    /// Why a client is not let in, in the words of its vocabulary.
    mutating func encode(_ refusal: AdmissionRefusal) -> [ClientFrame] {
        encode(.error(refusal.clientError))
            + encode(.closing(reason: refusal.closingReason, message: refusal.closeReason))
    }

    package mutating func encode(_ event: ServerEvent) -> [ClientFrame] {
        switch event {
        case .verbatim(let text, let data): Self.isOwnWord(text) ? encode(.data(data)) : [.text(text)]
        case .transcript(let transcript):
            transcripts.message(for: transcript).map { [.text(JSONValue.object($0).serialized())] } ?? []
        // `agent_state` says it.
        case .replyStarted, .replyFinished, .callerSpeech: []
        default: [.text(JSONValue.object(Self.message(for: event)).serialized())]
        }
    }

    private static func isOwnWord(_ text: String) -> Bool {
        guard let type = (try? JSONValue(parsing: text))?["type"]?.string else { return false }
        return ownTypes.contains(type)
    }

    /// Puts a call to a client that has said that it has the method.
    static func take(_ call: MethodCall, _ parameters: SessionParameters) -> [DialectOutput] {
        guard parameters.events.isExtended, parameters.methods.contains(call.method) else {
            return [.event(.callEnded(id: call.id, .failure(.unsupported)))]
        }
        return [.send(.text(JSONValue.object(RPCMessage.message(for: call)).serialized()))]
    }

    private static func message(for event: ServerEvent) -> JSONObject {
        switch event {
        case .ready: return ["type": "ready", "message": "Connected. Send audio at any time."]
        case .session(let session): return message(for: session)
        case .configured(let instructions):
            var message: JSONObject = ["type": "configured"]
            if let instructions {
                message["instructions"] = .string(String(instructions.prefix(repeatedInstructions)) + "...")
            }
            return message
        case .agentState(let state): return ["type": "agent_state", "state": .string(state.rawValue)]
        case .interrupted: return ["type": "interrupted"]
        case .agentJoined(let identity, let name):
            return ["type": "agent_joined", "identity": .string(identity), "name": .string(name)]
        case .agentLeft(let identity, let reason):
            return ["type": "agent_left", "identity": .string(identity), "reason": .string(reason)]
        case .agentEvent(let event): return AgentEventMessage.message(for: event)
        case .dtmf(let digit): return ["type": "dtmf", "digits": .string(String(digit.rawValue))]
        case .reconnecting: return ["type": "reconnecting"]
        case .reconnected: return ["type": "reconnected"]
        case .move(let token, let seconds):
            return ["type": "move", "resume_token": .string(token), "deadline": .integer(Int64(seconds))]
        case .data(let data): return message(for: data)
        case .pong(let id):
            var message: JSONObject = ["type": "pong"]
            message["id"] = id
            return message
        case .error(let error):
            return [
                "type": "error", "code": .string(error.code.rawValue), "message": .string(error.message),
                "blame": .string(error.blame.rawValue), "retry": .bool(error.isRetryable),
            ]
        case .warning(let warning): return message(for: warning)
        case .callEnded(let id, let outcome): return RPCMessage.message(for: outcome, of: id)
        case .closing(let reason, let text):
            return ["type": "closing", "reason": .string(reason.rawValue), "message": .string(text)]
        case .replyStarted, .replyFinished, .callerSpeech, .verbatim, .transcript: return [:]
        }
    }

    private static func message(for warning: ClientWarning) -> JSONObject {
        var message: JSONObject = ["type": "warning", "code": .string(warning.code)]
        switch warning {
        case .unknownParameter(let unknown):
            message["parameter"] = .string(unknown.name)
            message["meant"] = unknown.meant.map { .string($0) }
        case .slow(let count): message["dropped_messages"] = .integer(Int64(count))
        }
        message["message"] = .string(warning.message)
        return message
    }

    private static func message(for session: SessionSummary) -> JSONObject {
        func describe(_ format: AudioFormat) -> JSONValue {
            [
                "encoding": .string(format.encoding.rawValue), "sample_rate": .integer(Int64(format.sampleRate)),
                "channels": .integer(Int64(format.channels)),
            ]
        }
        var message: JSONObject = [
            "type": "session", "id": .string(session.id), "room": .string(session.room),
            "identity": .string(session.identity), "input": describe(session.input),
            "output": describe(session.output),
        ]
        message["resume_token"] = session.resumeToken.map { .string($0) }
        if let resumption = session.resumption {
            message["resumed"] = true
            message["dropped"] = [
                "messages": .integer(Int64(resumption.droppedMessages)),
                "audio_ms": .integer(Int64(resumption.droppedMilliseconds)),
            ]
        }
        return message
    }

    /// JSON objects and arrays go into the message as they are, text as a string, anything else as base64.
    private static func message(for data: ApplicationData) -> JSONObject {
        var message: JSONObject = ["type": "data", "topic": .string(data.topic), "sender": .string(data.sender)]
        if let first = data.payload.first, first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
            let value = try? JSONValue(parsing: data.payload)
        {
            message["payload"] = value
        } else if let text = String(validating: data.payload, as: UTF8.self) {
            message["payload"] = .string(text)
        } else {
            message["payload"] = .string(Base64.encode(data.payload))
            message["encoding"] = "base64"
        }
        return message
    }
}
