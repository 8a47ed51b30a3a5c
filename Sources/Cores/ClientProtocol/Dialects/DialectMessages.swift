/// A message to a client, ready for its WebSocket.
package enum ClientFrame: Hashable, Sendable {
    case text(String)
    case binary([UInt8])
}

/// What a message of a client comes to.
package enum DialectOutput: Hashable, Sendable {
    /// Something for the session to act on.
    case event(ClientEvent)
    /// An answer that the dialect itself gives, such as an error about a message that it cannot read.
    case reply(ServerEvent)
    /// An answer that only this dialect knows.
    case send(ClientFrame)
}

/// What a binary message of a client comes to.
package struct BinaryMessage: Hashable, Sendable {
    /// Where its sound lies, in bytes from the message's start: bytes in the session's input format, or one packet when
    /// that is Opus. Empty when the message holds none.
    package var sound: Range<Int>
    /// What else the message comes to. The session acts on it before it takes the sound, so that a header may change the
    /// input format (`ClientEvent.configure`) or begin a turn.
    package var outputs: [DialectOutput]

    package init(sound: Range<Int>, outputs: [DialectOutput] = []) {
        self.sound = sound
        self.outputs = outputs
    }
}

/// The words of one protocol: text messages to events, and events to messages. A vocabulary holds the state of one
/// connection and touches nothing else.
protocol Vocabulary: Sendable {
    /// Reads a text message. Never fails: what cannot be read becomes a reply.
    mutating func decode(text: [UInt8]) -> [DialectOutput]

    /// Reads one that came in pieces.
    mutating func decode(large message: LargeMessage) -> [DialectOutput]

    /// Learns that the client sent `byteCount` bytes of audio in a binary message, which some vocabularies acknowledge.
    mutating func noteBinaryAudio(byteCount: Int) -> [DialectOutput]

    /// Writes an event. Empty when clients do not know it.
    mutating func encode(_ event: ServerEvent) -> [ClientFrame]
}
