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

/// One vocabulary in which clients speak: their text messages to events and events to messages. Audio in binary
/// frames needs no dialect. A codec holds the state of one connection and touches nothing else.
package protocol DialectCodec {
    /// Reads a text frame. Never fails: what cannot be read becomes a reply.
    mutating func decode(text: [UInt8]) -> [DialectOutput]

    /// Learns that the client sent `byteCount` bytes of audio in a binary frame, which some dialects acknowledge.
    mutating func noteBinaryAudio(byteCount: Int) -> [DialectOutput]

    /// Writes an event. Empty when clients of this dialect do not know it.
    mutating func encode(_ event: ServerEvent) -> [ClientFrame]
}
