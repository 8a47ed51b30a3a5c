/// One language in which clients speak with the gateway over a WebSocket. A dialect is a value, one a connection, and
/// pure: messages in, events out, and the other way round. What it does not say for itself is said below.
///
/// To add one, write a type in a folder of its own and register it in `ClientDialects`; docs/howto.md has the steps.
package protocol ClientDialect: Sendable {
    static var descriptor: DialectDescriptor { get }

    /// - Parameters:
    ///   - parameters: the dialect's defaults with the query of the request applied.
    ///   - limits: of recordings, for dialects that take them.
    init(_ parameters: SessionParameters, limits: RecordingLimits)

    /// Takes what the request for the WebSocket says besides session parameters.
    static func read(_ handshake: ClientHandshake, into parameters: inout SessionParameters)

    /// The session has begun; it is called so in our log.
    mutating func begin(session: String)

    // MARK: Letting in

    /// Looks for a credential in a message of a client that has shown none in its handshake.
    func introduction(in text: [UInt8]) -> Introduction

    /// What a client is told before it is refused, besides the close frame.
    mutating func encode(_ refusal: AdmissionRefusal) -> [ClientFrame]

    // MARK: From the client

    /// Reads a text message. Never fails: what cannot be read becomes a reply.
    mutating func decode(text: [UInt8]) -> [DialectOutput]

    /// Reads a text message that came in pieces because it is large.
    mutating func decode(large message: LargeMessage) -> [DialectOutput]

    /// Reads a binary message. Never fails either, and allocates nothing for a message of sound.
    mutating func decode(binary message: Span<UInt8>) -> BinaryMessage

    /// The session's parameters are others from here on.
    mutating func adopt(_ parameters: SessionParameters)

    // MARK: To the client

    /// Writes an event. Empty when clients of this dialect do not know it.
    mutating func encode(_ event: ServerEvent) -> [ClientFrame]

    /// Takes a call of one of the client's methods: puts it to the client, or says at once how it ends.
    mutating func take(_ call: MethodCall) -> [DialectOutput]

    /// How the client gets sound now. Messages and parameters may change it.
    var delivery: SoundDelivery { get }

    /// Writes a message around one piece of sound, where the delivery says that the dialect does so.
    ///
    /// - Parameters:
    ///   - sound: bytes in the delivery's format.
    ///   - delivery: for which the sound was cut, which may not be the present one.
    ///   - message: empty, with room from earlier messages. Left empty, nothing is sent.
    mutating func encode(sound: Span<UInt8>, as delivery: SoundDelivery, into message: inout [UInt8])

    /// Whether the client is told of its session, and with that of the token to continue it.
    var tellsSession: Bool { get }

    /// Whether a later text of a segment stands for the earlier ones, which then need not arrive.
    var replacesTranscripts: Bool { get }

    /// The client's connection is lost, or another one is there: what was said last may not have arrived.
    mutating func connectionChanged(isThere: Bool)

    /// How much of the agent's sound the client can take.
    var allowance: SoundAllowance { get }

    /// Which telephone call this is, for dialects of carriers, once the carrier has said so.
    var carrierCall: CarrierCall? { get }

    /// The close frame that ends a session: its code, and at most 123 bytes of text.
    func closure(_ reason: ClosingReason, message: String) -> (code: UInt16, reason: String)
}

extension ClientDialect {
    package var descriptor: DialectDescriptor { Self.descriptor }
    package static func read(_ handshake: ClientHandshake, into parameters: inout SessionParameters) {}
    package mutating func begin(session: String) {}
    package func introduction(in text: [UInt8]) -> Introduction { .nothing }
    package mutating func encode(_ refusal: AdmissionRefusal) -> [ClientFrame] { [] }
    package mutating func decode(large message: LargeMessage) -> [DialectOutput] {
        let text = "The message has \(message.byteCount) bytes. At most \(LargeMessage.threshold) are accepted."
        return [.reply(.error(ClientError(.invalidMessage, text)))]
    }
    package mutating func decode(binary message: Span<UInt8>) -> BinaryMessage {
        BinaryMessage(sound: 0..<message.count)
    }
    package mutating func encode(sound: Span<UInt8>, as delivery: SoundDelivery, into message: inout [UInt8]) {}
    package mutating func take(_ call: MethodCall) -> [DialectOutput] {
        [.event(.callEnded(id: call.id, .failure(.unsupported)))]
    }
    package var tellsSession: Bool { false }
    package var replacesTranscripts: Bool { tellsSession }
    package mutating func connectionChanged(isThere: Bool) {}
    package var allowance: SoundAllowance { SoundAllowance(lead: descriptor.playoutLead) }
    package var carrierCall: CarrierCall? { nil }
    package func closure(_ reason: ClosingReason, message: String) -> (code: UInt16, reason: String) {
        (reason.closeCode, message)
    }
}
