/// The language of `/ws`: sound in binary messages, and one JSON object a text message. Clients that have chosen
/// `events=legacy` get the words of old frontends in it.
package struct DeviceDialect: ClientDialect {
    package static let descriptor: DialectDescriptor = {
        var descriptor = DialectDescriptor(
            name: "ws", paths: ["/ws"], defaults: SessionParameters(events: .extended),
            documentation: .init(
                clients: "devices and new clients", sound: "binary messages of raw PCM, G.711 or Opus",
                credential: "header, query, subprotocol, `auth`, `config`"))
        descriptor.subprotocols = [OfferedSubprotocols.gateway, OfferedSubprotocols.accessToken]
        descriptor.resumes = true
        descriptor.sniffsBinaryMessages = true
        return descriptor
    }()

    private let limits: RecordingLimits
    private var parameters: SessionParameters
    package private(set) var delivery: SoundDelivery
    private var extended: ExtendedVocabulary
    /// For clients that have chosen it.
    private var legacy: LegacyVocabulary?

    package init(_ parameters: SessionParameters, limits: RecordingLimits) {
        self.limits = limits
        self.parameters = parameters
        delivery = Self.delivery(parameters)
        extended = ExtendedVocabulary(parameters)
        chooseVocabulary()
    }

    private static func delivery(_ parameters: SessionParameters) -> SoundDelivery {
        SoundDelivery(parameters, framing: parameters.chosenFraming ?? .binary)
    }

    private mutating func chooseVocabulary() {
        legacy = parameters.events == .legacy ? LegacyVocabulary(limits: limits) : nil
    }

    package func introduction(in text: [UInt8]) -> Introduction { Introduction(json: text) }

    package mutating func encode(_ refusal: AdmissionRefusal) -> [ClientFrame] {
        tellsSession ? extended.encode(refusal) : []
    }

    package mutating func decode(text: [UInt8]) -> [DialectOutput] {
        legacy?.decode(text: text) ?? extended.decode(text: text)
    }

    package mutating func decode(large message: LargeMessage) -> [DialectOutput] {
        legacy?.decode(large: message) ?? extended.decode(large: message)
    }

    package mutating func decode(binary message: Span<UInt8>) -> BinaryMessage {
        BinaryMessage(sound: 0..<message.count, outputs: legacy?.noteBinaryAudio(byteCount: message.count) ?? [])
    }

    package mutating func adopt(_ parameters: SessionParameters) {
        let hasOtherEvents = parameters.events != self.parameters.events
        self.parameters = parameters
        delivery = Self.delivery(parameters)
        extended.adopt(parameters)
        if hasOtherEvents { chooseVocabulary() }
    }

    package mutating func encode(_ event: ServerEvent) -> [ClientFrame] {
        if parameters.events == .none { return [] }
        return legacy?.encode(event) ?? extended.encode(event)
    }

    package mutating func take(_ call: MethodCall) -> [DialectOutput] {
        ExtendedVocabulary.take(call, parameters)
    }

    package mutating func encode(sound: Span<UInt8>, as delivery: SoundDelivery, into message: inout [UInt8]) {
        AudioMessage.append(sound, as: delivery, to: &message)
    }

    package var tellsSession: Bool { parameters.events.isExtended }

    package var replacesTranscripts: Bool { tellsSession && extended.replacesTranscripts }

    package mutating func connectionChanged(isThere: Bool) { extended.connectionChanged(isThere: isThere) }

    package var allowance: SoundAllowance { SoundAllowance(parameters) }

    package func closure(_ reason: ClosingReason, message: String) -> (code: UInt16, reason: String) {
        parameters.events == .legacy
            ? LegacyVocabulary.closure(reason, message: message) : (reason.closeCode, message)
    }
}
