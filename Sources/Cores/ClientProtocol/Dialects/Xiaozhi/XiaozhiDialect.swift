internal import Wire

/// The language of xiaozhi-esp32, a firmware for talking devices, over a WebSocket: Opus in binary messages, of which the
/// device says by a number how they are framed; JSON for turns, for what the display shows, and for the device's tools.
///
/// The firmware is fixed, so all of it is as `docs/websocket.md` of that project and its code have it.
package struct XiaozhiDialect: ClientDialect {
    package static let descriptor: DialectDescriptor = {
        var defaults = SessionParameters(events: .legacy)
        defaults.input = AudioFormat(encoding: .opus, sampleRate: 16_000)
        defaults.output = AudioFormat(encoding: .opus, sampleRate: 24_000)
        defaults.frameMilliseconds = 60
        var descriptor = DialectDescriptor(
            name: "xiaozhi", paths: ["/xiaozhi/v1"], defaults: defaults,
            documentation: .init(
                clients: "devices with xiaozhi-esp32 (ESP32)",
                sound: "binary messages of Opus, bare or with a header (versions 1, 2 and 3)",
                credential: "`Authorization`: a device's token, an API key or an access token"))
        // `hello` comes right after the opening.
        descriptor.configurationWait = .seconds(10)
        descriptor.identifiesDevices = true
        descriptor.bearerMayBeKey = true
        descriptor.hangsUpByClosing = true
        // The device keeps 40 packets, 2.4 s, and drops what comes then.
        descriptor.playoutLead = .milliseconds(1200)
        return descriptor
    }()

    private var parameters: SessionParameters
    private var framing: XiaozhiFraming
    private var session = ""
    private var tools = XiaozhiTools()
    private var sentences = XiaozhiSentences()
    /// The device has been greeted.
    private var isGreeted = false
    /// The device listens: what it says to have recognised now was typed, and is no wake word.
    private var isListening = false
    /// The device plays: it was told `start` of a reply, and not `stop` yet.
    private var isSpeaking = false
    /// The device has stopped the agent and waits for `stop`.
    private var hasAborted = false
    /// The device shows already what is wrong.
    private var hasAlerted = false

    package init(_ parameters: SessionParameters, limits: RecordingLimits) {
        self.parameters = parameters
        framing = XiaozhiFraming(version: parameters.device?.framing ?? 1)
    }

    package static func read(_ handshake: ClientHandshake, into parameters: inout SessionParameters) {
        // The test page of the self-hosted server has no headers to send.
        let value = { (name: String) in handshake.header(name) ?? handshake.query(name.lowercased()) }
        guard
            let device = ClientDevice(
                id: value("Device-Id") ?? "", clientID: value("Client-Id") ?? "",
                framing: value("Protocol-Version").flatMap { Int($0) })
        else { return }
        parameters.device = device
        parameters.agentFields["device_id"] = .string(device.id)
        if !device.clientID.isEmpty { parameters.agentFields["client_id"] = .string(device.clientID) }
    }

    package mutating func begin(session: String) { self.session = session }

    // MARK: From the device

    package mutating func decode(text: [UInt8]) -> [DialectOutput] {
        let message: JSONValue
        do throws(JSONError) {
            message = try JSONValue(parsing: text)
        } catch {
            return [.reply(.error(ClientError(.invalidMessage, "the message is not JSON: \(error)")))]
        }
        switch message["type"]?.string {
        case "hello": return greet(message)
        case "listen": return listen(message)
        case "abort":
            hasAborted = true
            return [.event(.interrupt)]
        case "mcp": return message["payload"].map { outputs(tools.receive($0)) } ?? []
        case "ping": return [.send(.text(#"{"type":"pong"}"#))]
        default: return []
        }
    }

    package mutating func decode(binary message: Span<UInt8>) -> BinaryMessage {
        switch framing.read(message) {
        case .sound(let range): return BinaryMessage(sound: range)
        case .text(let range):
            // SAFETY: the bytes are only read during the call.
            let text = unsafe message.extracting(range).withUnsafeBufferPointer { unsafe [UInt8]($0) }
            return BinaryMessage(sound: 0..<0, outputs: decode(text: text))
        case .passedOver: return BinaryMessage(sound: 0..<0)
        case .malformed(let why):
            return BinaryMessage(sound: 0..<0, outputs: [.reply(.error(ClientError(.invalidAudio, why)))])
        }
    }

    private mutating func greet(_ message: JSONValue) -> [DialectOutput] {
        let sound = message["audio_params"]
        // A device without the header, as a browser, says it here.
        if !isGreeted, parameters.device?.framing == nil, let version = message["version"]?.integer {
            framing = XiaozhiFraming(version: Int(clamping: version))
        }
        var outputs = [DialectOutput.send(.text(JSONValue.object(hello).serialized()))]
        guard !isGreeted else { return outputs }
        isGreeted = true
        var configuration: JSONObject = [:]
        // A format that is not known is refused by its name.
        let format = sound?["format"]?.string ?? AudioEncoding.opus.rawValue
        configuration["encoding"] = .string(format == "pcm" ? AudioEncoding.pcmS16LE.rawValue : format)
        configuration["sample_rate"] = sound?["sample_rate"]
        configuration["channels"] = sound?["channels"]
        configuration["features"] = message["features"]
        outputs.append(.event(.configure(configuration)))
        if message["features"]?["mcp"]?.bool == true { outputs += self.outputs(tools.begin()) }
        return outputs
    }

    private var hello: JSONObject {
        [
            "type": "hello", "version": .integer(Int64(framing.version)), "transport": "websocket",
            "session_id": .string(session),
            "audio_params": [
                "format": .string(parameters.output.encoding.rawValue),
                "sample_rate": .integer(Int64(parameters.output.sampleRate)), "channels": 1,
                "frame_duration": .integer(Int64(parameters.frameMilliseconds)),
            ],
        ]
    }

    private mutating func listen(_ message: JSONValue) -> [DialectOutput] {
        switch message["state"]?.string {
        case "start":
            isListening = true
            return []
        case "stop":
            isListening = false
            return [.event(.endTurn)]
        case "detect":
            guard let text = message["text"]?.string, !text.isEmpty,
                text.utf8.count <= ExtendedVocabulary.maximumTextSize
            else { return [] }
            // The word that has woken the device opens the conversation and is no part of it; the agent may know it.
            return [.event(isListening ? .text(text) : .configure(["wake_word": .string(text)]))]
        default: return []
        }
    }

    package mutating func adopt(_ parameters: SessionParameters) {
        let announced = self.parameters
        self.parameters = parameters
        guard isGreeted else { return }
        // What the device was told of its sound stays true.
        self.parameters.output = announced.output
        self.parameters.frameMilliseconds = announced.frameMilliseconds
    }

    // MARK: To the device

    package mutating func encode(_ event: ServerEvent) -> [ClientFrame] {
        switch event {
        case .replyStarted, .agentState(.speaking): return startSpeaking()
        case .replyFinished, .agentLeft: return stopSpeaking()
        case .interrupted:
            // Whoever has asked for it waits for it.
            isSpeaking = isSpeaking || hasAborted
            hasAborted = false
            return stopSpeaking()
        case .transcript(let transcript): return show(transcript)
        case .error(let error): return error.concernsCall ? alert(error.message) : []
        case .closing(let reason, let message):
            return stopSpeaking() + (reason.isOrderly || hasAlerted ? [] : alert(message))
        default: return []
        }
    }

    private mutating func startSpeaking() -> [ClientFrame] {
        guard !isSpeaking else { return [] }
        isSpeaking = true
        return [frame(["type": "tts", "state": "start"])]
    }

    private mutating func stopSpeaking() -> [ClientFrame] {
        guard isSpeaking else { return [] }
        isSpeaking = false
        return [frame(["type": "tts", "state": "stop"])]
    }

    private mutating func show(_ transcript: Transcript) -> [ClientFrame] {
        guard transcript.role == .assistant else {
            // Lines that are still being recognised would flicker.
            return transcript.isFinal ? [frame(["type": "stt", "text": .string(transcript.content)])] : []
        }
        var frames: [ClientFrame] = []
        if let emotion = transcript.expression.map(XiaozhiEmotion.init) {
            frames.append(
                frame(["type": "llm", "emotion": .string(emotion.name), "text": .string(emotion.symbol)]))
        }
        return frames
            + sentences.take(transcript).map {
                frame(["type": "tts", "state": "sentence_start", "text": .string($0)])
            }
    }

    private mutating func alert(_ message: String) -> [ClientFrame] {
        hasAlerted = true
        return [
            frame(["type": "alert", "status": "Error", "message": .string(message), "emotion": "sad"])
        ]
    }

    private func frame(_ message: JSONObject) -> ClientFrame {
        .text(
            JSONValue.object(JSONObject(members: [.init(key: "session_id", value: .string(session))] + message.members))
                .serialized())
    }

    // MARK: Tools

    package mutating func take(_ call: MethodCall) -> [DialectOutput] { outputs(tools.take(call)) }

    private func outputs(_ steps: [XiaozhiTools.Step]) -> [DialectOutput] {
        steps.map { step in
            switch step {
            case .send(let payload): .send(frame(["type": "mcp", "payload": payload]))
            case .end(let call, let outcome): .event(.callEnded(id: call, outcome))
            }
        }
    }

    // MARK: Sound

    package var delivery: SoundDelivery {
        SoundDelivery(
            format: parameters.output, cutting: .equalFrames(milliseconds: parameters.frameMilliseconds),
            wrapping: framing.version == 1 ? .bare : .binary,
            // A device that is not told of a reply plays nothing.
            passesAmbience: parameters.passesAmbience ?? false)
    }

    package mutating func encode(sound: Span<UInt8>, as delivery: SoundDelivery, into message: inout [UInt8]) {
        framing.append(sound, milliseconds: parameters.frameMilliseconds, to: &message)
    }

    /// Nobody sees the code; our log and the device's do.
    package func closure(_ reason: ClosingReason, message: String) -> (code: UInt16, reason: String) {
        (reason == .invalidParameter ? 1003 : reason.closeCode, message)
    }
}

extension ClientError {
    /// Whether it is about the call as a whole, and not about one message.
    fileprivate var concernsCall: Bool {
        switch code {
        case .agentTimeout, .dispatchFailed, .roomUnavailable, .roomLost, .invalidParameter, .notAllowed, .unauthorized,
            .unavailable, .internalError:
            true
        default: false
        }
    }
}

extension ClosingReason {
    /// Whether a conversation ends like this without anything being wrong.
    fileprivate var isOrderly: Bool {
        switch self {
        case .roomDeleted, .agentLeft, .moved, .idleTimeout, .sessionLimit, .takenOver: true
        default: false
        }
    }
}
