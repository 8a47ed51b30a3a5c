/// The language of `/v1/conversation/ws`: base64 audio in JSON, turns that the client ends. Whatever the events that a
/// client has chosen, turns belong to the path.
package struct ConversationDialect: ClientDialect {
    package static let descriptor: DialectDescriptor = {
        var descriptor = DialectDescriptor(
            name: "conversation", paths: ["/v1/conversation/ws"], defaults: SessionParameters(events: .legacy),
            documentation: .init(
                clients: "old frontends",
                sound: "base64 in JSON: WAV, WebM/Opus or Ogg/Opus up, WAV down; or binary messages",
                credential: "header, query, subprotocol, `auth`, `config`"))
        descriptor.subprotocols = [OfferedSubprotocols.gateway, OfferedSubprotocols.accessToken]
        descriptor.oversized = .tells
        descriptor.floods = .tells
        descriptor.resumes = true
        descriptor.sniffsBinaryMessages = true
        return descriptor
    }()

    private var parameters: SessionParameters
    private var vocabulary: LegacyVocabulary
    private var extended = ExtendedVocabulary()
    /// The client has sent sound in a binary message: it gets such messages, too.
    private var hasSentBinary = false

    package init(_ parameters: SessionParameters, limits: RecordingLimits) {
        self.parameters = parameters
        vocabulary = LegacyVocabulary(limits: limits, events: parameters.events)
        vocabulary.adopt(parameters)
    }

    package func introduction(in text: [UInt8]) -> Introduction { Introduction(json: text) }

    package mutating func encode(_ refusal: AdmissionRefusal) -> [ClientFrame] {
        tellsSession ? extended.encode(refusal) : []
    }

    package mutating func decode(text: [UInt8]) -> [DialectOutput] { wanted(vocabulary.decode(text: text)) }

    package mutating func decode(large message: LargeMessage) -> [DialectOutput] {
        wanted(vocabulary.decode(large: message))
    }

    /// Answers of the protocol's own are text messages, too.
    private func wanted(_ outputs: [DialectOutput]) -> [DialectOutput] {
        guard parameters.events == .none else { return outputs }
        return outputs.filter { if case .send = $0 { false } else { true } }
    }

    package mutating func decode(binary message: Span<UInt8>) -> BinaryMessage {
        hasSentBinary = true
        return BinaryMessage(
            sound: 0..<message.count, outputs: wanted(vocabulary.noteBinaryAudio(byteCount: message.count)))
    }

    package mutating func adopt(_ parameters: SessionParameters) {
        self.parameters = parameters
        vocabulary.adopt(parameters)
    }

    package mutating func encode(_ event: ServerEvent) -> [ClientFrame] { vocabulary.encode(event) }

    package mutating func take(_ call: MethodCall) -> [DialectOutput] {
        ExtendedVocabulary.take(call, parameters)
    }

    package var delivery: SoundDelivery { SoundDelivery(parameters, framing: framing) }

    private var framing: OutputFraming {
        if let chosen = parameters.chosenFraming { return chosen }
        // WAV files do not carry Opus.
        return hasSentBinary ? .binary : parameters.output.encoding == .opus ? .json : .wav
    }

    package mutating func encode(sound: Span<UInt8>, as delivery: SoundDelivery, into message: inout [UInt8]) {
        AudioMessage.append(sound, as: delivery, to: &message)
    }

    package var tellsSession: Bool { parameters.events.isExtended }

    package var replacesTranscripts: Bool { tellsSession && vocabulary.replacesTranscripts }

    package mutating func connectionChanged(isThere: Bool) { vocabulary.connectionChanged(isThere: isThere) }

    package var allowance: SoundAllowance { SoundAllowance(parameters) }

    package func closure(_ reason: ClosingReason, message: String) -> (code: UInt16, reason: String) {
        parameters.events == .legacy
            ? LegacyVocabulary.closure(reason, message: message) : (reason.closeCode, message)
    }
}
