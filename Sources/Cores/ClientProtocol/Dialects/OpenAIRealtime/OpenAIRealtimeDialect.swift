internal import Wire

/// The language of OpenAI's Realtime API (its GA form): JSON both ways, sound as base64 in it. In place of a model there is
/// an agent in a room, which decides itself when it answers; what it cannot do, the client is told by `error`.
///
/// Names and members are those of the `openai` package (`openai.types.realtime`).
package struct OpenAIRealtimeDialect: ClientDialect {
    package static let descriptor: DialectDescriptor = {
        var defaults = SessionParameters(events: .legacy)
        defaults.input = OpenAISession.formats[0].format
        defaults.output = OpenAISession.formats[0].format
        defaults.frameMilliseconds = 40
        var descriptor = DialectDescriptor(
            name: "openai", paths: ["/v1/realtime"], defaults: defaults,
            documentation: .init(
                clients: "programs written for OpenAI's Realtime API",
                sound: "base64 in JSON: PCM of 24 kHz, µ-law, A-law",
                credential: "`Authorization: Bearer`, or a subprotocol"))
        descriptor.subprotocols = ["realtime"]
        descriptor.soundMember = "audio"
        descriptor.oversized = .tells
        descriptor.floods = .tells
        descriptor.bearerMayBeKey = true
        // There is no session to come back to.
        descriptor.hangsUpByClosing = true
        return descriptor
    }()

    private var parameters: SessionParameters
    private var sessionID = ""
    private var session = OpenAISession()
    private var conversation = OpenAIConversation()
    private var caller = OpenAICaller()
    private var replies = OpenAIReplies()
    private var prompts = OpenAIPrompts()
    private var tools = OpenAITools()
    /// What is wrong with the message that is being read: `ServerEvent.error` has not all of it.
    private var faults: [OpenAIFault] = []
    private var agentState: AgentState?
    /// The caller speaks, as far as is heard here.
    private var isCallerSpeaking = false
    /// The client has asked the agent to stop.
    private var hasCancelled = false

    package init(_ parameters: SessionParameters, limits: RecordingLimits) {
        self.parameters = parameters
        session.model = parameters.agent ?? session.model
        tools.adopt(parameters.agentFields["tools"])
    }

    package static func read(_ handshake: ClientHandshake, into parameters: inout SessionParameters) {
        if parameters.agent == nil { parameters.agent = handshake.query("model").flatMap(OpenAISession.agent) }
        // There are no names for other sound.
        let formats = OpenAISession.formats.map(\.format)
        if !formats.contains(parameters.input) { parameters.input = descriptor.defaults.input }
        if !formats.contains(parameters.output) { parameters.output = descriptor.defaults.output }
    }

    package mutating func begin(session: String) { sessionID = session }

    package mutating func adopt(_ parameters: SessionParameters) {
        self.parameters = parameters
        tools.adopt(parameters.agentFields["tools"])
    }

    package mutating func encode(_ refusal: AdmissionRefusal) -> [ClientFrame] {
        [conversation.error(OpenAIFault(refusal))]
    }

    // MARK: From the client

    package mutating func decode(text: [UInt8]) -> [DialectOutput] {
        do throws(JSONError) {
            return decode(try JSONValue(parsing: text))
        } catch {
            return [refuse(OpenAIFault("invalid_json", "the message is not JSON: \(error)"))]
        }
    }

    package mutating func decode(large message: LargeMessage) -> [DialectOutput] {
        do throws(ClientError) {
            return decode(try message.value(), sound: message.sound)
        } catch {
            return [refuse(OpenAIFault("invalid_json", error.message))]
        }
    }

    /// The protocol has no binary messages.
    package mutating func decode(binary message: Span<UInt8>) -> BinaryMessage {
        let fault = OpenAIFault("unknown_event", "a binary message; sound goes by input_audio_buffer.append")
        return BinaryMessage(sound: 0..<0, outputs: [refuse(fault)])
    }

    private mutating func decode(
        _ value: JSONValue, sound: Result<[UInt8], Base64Error>? = nil
    ) -> [DialectOutput] {
        let eventID = OpenAIClientMessage.eventID(of: value)
        do throws(OpenAIFault) {
            let steps = try act(on: OpenAIClientMessage(value, sound: sound), eventID)
            return steps.map { step in
                switch step {
                case .send(let frame): .send(frame)
                case .event(let event): .event(event)
                case .refuse(let fault): refuse(fault, eventID)
                }
            }
        } catch {
            return [refuse(error, eventID)]
        }
    }

    /// Says what is wrong with the present message. Such replies are counted, whatever their words.
    private mutating func refuse(_ fault: OpenAIFault, _ eventID: String? = nil) -> DialectOutput {
        var fault = fault
        fault.eventID = eventID
        faults.append(fault)
        return .reply(.error(ClientError(.invalidMessage, fault.message)))
    }

    private mutating func act(
        on message: OpenAIClientMessage, _ eventID: String?
    ) throws(OpenAIFault) -> [OpenAIStep] {
        switch message {
        case .sound(let bytes):
            caller.note(soundOf: bytes.count, in: parameters.input)
            return [.event(.audio(bytes))]
        case .update(let object):
            let changes = session.read(object)
            return changes.faults.map { .refuse($0) } + [.event(.configure(changes.parameters))]
        case .commit:
            guard caller.hasSound else { throw .emptyTurn }
            prompts.noteTurn()
            return caller.commit(&conversation).map { .send($0) } + [.event(.endTurn)]
        case .clear:
            caller.forgetSound()
            return [.send(conversation.event("input_audio_buffer.cleared"))]
        case .clearOutput:
            guard let response = replies.current else { throw .nothingToStop }
            hasCancelled = true
            let place: JSONObject = ["response_id": .string(response.id)]
            return [.send(conversation.event("output_audio_buffer.cleared", place)), .event(.interrupt)]
        case .text(let text, let id, let previous):
            return try prompts.take(text, id, after: previous, &conversation)
        case .callOutput(let output, let call, let id):
            let steps = try tools.take(output, of: call, id, &conversation)
            prompts.noteTurn()
            return steps
        case .truncate(let item, let milliseconds):
            let isCurrent = replies.current?.item == item
            let steps = try replies.truncate(item, milliseconds, &conversation)
            guard isCurrent else { return steps }
            hasCancelled = true
            return steps + [.event(.interrupt)]
        case .delete(let item):
            guard conversation[item] != nil else { throw .unknownItem(item, to: "delete") }
            throw .unsupported("conversation.item.delete", "nothing can be taken out of the agent's memory")
        case .retrieve(let id):
            guard let item = conversation[id] else { throw .unknownItem(id, to: "retrieve") }
            return [.send(conversation.event("conversation.item.retrieved", ["item": item.json]))]
        case .respond(let members):
            let isReplying = replies.current != nil
            return try prompts.respond(members, isReplying: isReplying, eventID: eventID, &conversation)
        case .cancel(let id):
            // A reply that has not begun has no name.
            guard agentState != .thinking || replies.current != nil || id != nil else { return [.event(.interrupt)] }
            guard let response = replies.current, id == nil || id == response.id else { throw .nothingToStop }
            hasCancelled = true
            return [.event(.interrupt)]
        }
    }

    // MARK: To the client

    package mutating func encode(_ event: ServerEvent) -> [ClientFrame] {
        switch event {
        case .ready:
            let opened: JSONValue = ["id": .string(OpenAIConversation.id), "object": "realtime.conversation"]
            return [
                conversation.event("session.created", ["session": sessionJSON]),
                conversation.event("conversation.created", ["conversation": opened]),
            ]
        case .configured: return [conversation.event("session.updated", ["session": sessionJSON])]
        case .callerSpeech(let speaks, let place):
            isCallerSpeaking = speaks
            guard !session.isManual else { return [] }
            return speaks ? caller.begin(at: place, &conversation) : endTurn(at: place)
        case .transcript(let transcript): return take(transcript)
        case .agentState(let state):
            agentState = state
            switch state {
            case .thinking: return endTurn()
            case .speaking: return beginReply()
            case .initializing, .idle, .listening: return []
            }
        case .replyStarted: return beginReply()
        case .replyFinished: return replies.finish(.completed, &conversation)
        case .interrupted: return endInterruptedReply()
        case .agentLeft:
            agentState = nil
            return replies.finish(.failed(code: "agent_left"), &conversation)
        case .callEnded(let id, let outcome): return prompts.end(id, outcome).map { [conversation.error($0)] } ?? []
        case .error(let error):
            return [conversation.error(faults.isEmpty ? OpenAIFault(error) : faults.removeFirst())]
        case .warning(.unknownParameter(let unknown)):
            // It is ours.
            guard unknown.name != "model" else { return [] }
            return [conversation.error(OpenAIFault("unknown_parameter", unknown.message, unknown.name))]
        case .closing(let reason, let message):
            return replies.finish(.failed(code: reason.rawValue), &conversation)
                + [conversation.error(OpenAIFault(reason, message))]
        case .session, .agentJoined, .agentEvent, .dtmf, .data, .verbatim, .reconnecting, .reconnected, .pong, .move,
            .warning(.slow):
            return []
        }
    }

    private var sessionJSON: JSONValue { session.json(id: sessionID, parameters, tools: tools.list) }

    private mutating func endTurn(at place: Int? = nil) -> [ClientFrame] {
        guard caller.open != nil else { return [] }
        prompts.noteTurn()
        return caller.end(at: place, &conversation)
    }

    private mutating func beginReply() -> [ClientFrame] {
        guard replies.current == nil else { return [] }
        hasCancelled = false
        // Who is answered has said something, even if its end is not heard here yet.
        let frames = endTurn()
        prompts.noteReply()
        return frames + replies.begin(&conversation)
    }

    private mutating func take(_ transcript: Transcript) -> [ClientFrame] {
        guard transcript.role == .assistant else {
            prompts.noteTurn()
            guard session.transcribes else { return [] }
            return caller.take(transcript, isManual: session.isManual, &conversation)
        }
        guard replies.isNews(transcript) else { return [] }
        return beginReply() + replies.take(transcript, &conversation)
    }

    private mutating func endInterruptedReply() -> [ClientFrame] {
        guard replies.current != nil else { return [] }
        defer { hasCancelled = false }
        // The agent may have noticed first.
        let isOpening = !hasCancelled && !session.isManual
        return (isOpening ? caller.begin(&conversation) : [])
            + replies.finish(.cancelled(byCaller: !hasCancelled || isCallerSpeaking), &conversation)
    }

    // MARK: Tools

    package mutating func take(_ call: MethodCall) -> [DialectOutput] {
        let name = conversation.mint("call")
        switch tools.take(call, as: name) {
        case .end(let outcome): return [.event(.callEnded(id: call.id, outcome))]
        case .ask:
            // A client answers when the response with the call is over, and one response at a time is under way.
            let frames =
                replies.finish(.completed, goesOn: true, &conversation)
                + OpenAITools.ask(name, call.method, call.payload, &conversation)
            return frames.map { .send($0) }
        }
    }

    // MARK: Sound

    package var delivery: SoundDelivery {
        SoundDelivery(
            format: parameters.output, cutting: .frames(milliseconds: parameters.frameMilliseconds), wrapping: .text,
            // Sound belongs to a reply here, or has no place.
            passesAmbience: false)
    }

    package mutating func encode(sound: Span<UInt8>, as delivery: SoundDelivery, into message: inout [UInt8]) {
        replies.write(sound, as: delivery.format, into: &message, &conversation)
    }
}
