/// Who uses a WebSocket. All calls come on the loop, none from within a call to the connection.
///
/// The connection holds its handler until `webSocketClosed`, so a handler may hold its connection too.
package protocol WebSocketHandler: AnyObject {
    /// Messages can be sent (they could before, too) and will come. The first call.
    func webSocketOpened(_ socket: WebSocketConnection)
    /// A text message: bytes that have been checked to be UTF-8 and are gone after the call.
    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan)
    /// The next piece of a text message that is larger than `textPiecesBeyond`. When the connection ends or the message is
    /// passed over (`skippedMessageOf`), no last one comes.
    ///
    /// - Parameter expected: how long the message is, as far as that is known.
    func webSocket(_ socket: WebSocketConnection, receivedTextPiece piece: RawSpan, isLast: Bool, expected: Int)
    /// A binary message: bytes that are gone after the call.
    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan)
    /// A message that was larger than allowed has been passed over, where the configuration says so.
    func webSocket(_ socket: WebSocketConnection, skippedMessageOf byteCount: Int)
    /// An answer to a ping, ours (periodic ones carry nothing) or one that nobody sent.
    func webSocket(_ socket: WebSocketConnection, receivedPong payload: RawSpan)
    /// Nothing waits to be sent any more.
    func webSocketDrained(_ socket: WebSocketConnection)
    /// Over; the last call, and exactly one.
    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure)
}

extension WebSocketHandler {
    package func webSocketOpened(_ socket: WebSocketConnection) {}
    package func webSocket(
        _ socket: WebSocketConnection, receivedTextPiece piece: RawSpan, isLast: Bool, expected: Int
    ) {}
    package func webSocket(_ socket: WebSocketConnection, receivedPong payload: RawSpan) {}
    package func webSocket(_ socket: WebSocketConnection, skippedMessageOf byteCount: Int) {}
    package func webSocketDrained(_ socket: WebSocketConnection) {}
}

/// Limits and clocks of a WebSocket connection.
package struct WebSocketConfiguration: Hashable, Sendable {
    /// A longer message is refused with close code 1009.
    package var maximumMessageBytes = 1 << 20
    /// A longer message is passed over instead, and the connection goes on.
    package var skipsLargeMessages = false
    /// A longer text message is handed over in pieces as they come, none of them longer than what is read at once and this.
    package var textPiecesBeyond = Int.max
    /// Droppable messages that wait: beyond it the oldest go. Two seconds of 24 kHz 16-bit audio.
    package var maximumDroppableBytes = 96_000
    /// Required messages that wait: beyond it the connection is closed with 1013.
    package var maximumRequiredBytes = 4 << 20
    /// How long the peer may say nothing before it is pinged; nil for never.
    package var pingInterval: Duration? = .seconds(20)
    /// How long after a ping without any sign of life the connection is given up.
    package var pongTimeout: Duration = .seconds(15)
    /// How long the peer may take over a message, from its first byte to its last. Twice that at most: one that follows right
    /// behind another is timed from then on.
    package var messageTimeout: Duration = .seconds(60)
    /// How long the peer may take to read what is queued and to answer a close frame.
    package var closeTimeout: Duration = .seconds(5)

    package init() {}
}
