internal import Bridge
internal import WebSocket

/// A client's WebSocket and its session, which hold each other until the socket is closed.
final class SocketClient: WebSocketHandler, ClientConnection {
    /// What becomes of a client whose socket is open.
    enum Opening {
        case session(BridgeSession)
        /// It is told why by the close frame alone.
        case refused(code: UInt16, reason: String)
    }

    private var socket: WebSocketConnection?
    private var session: BridgeSession?
    private var start: ((SocketClient) -> Opening)?
    private let onClosed: (SocketClient) -> Void
    /// Decides about the session when the socket broke; without it, the session ends as after a goodbye.
    var onLost: ((BridgeSession) -> Void)?

    /// - Parameters:
    ///   - start: makes the session when the socket is open, or refuses the client.
    ///   - onClosed: the socket is gone.
    init(start: @escaping (SocketClient) -> Opening, onClosed: @escaping (SocketClient) -> Void) {
        self.start = start
        self.onClosed = onClosed
    }

    /// The session goes on without this socket, and says goodbye to it.
    func giveUpSession() {
        session = nil
        onLost = nil
    }

    /// The gateway goes: says goodbye.
    func shutDown() {
        if let session, !session.hasEnded {
            session.shutDown()
        } else {
            socket?.close(.goingAway, reason: "the gateway is shutting down; connect again")
        }
    }

    // MARK: The socket

    func webSocketOpened(_ socket: WebSocketConnection) {
        self.socket = socket
        let start = start
        self.start = nil
        switch start?(self) {
        case .session(let session)?:
            self.session = session
            session.start()
        case .refused(let code, let reason)?: close(code: code, reason: reason)
        case nil: break
        }
    }

    func webSocket(_ socket: WebSocketConnection, receivedText text: UnsafeRawBufferPointer) {
        session?.receive(text: [UInt8](text))
    }

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: UnsafeRawBufferPointer) {
        session?.receive(binary: bytes)
    }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        if let session {
            if let onLost, !closure.isGoodbye { onLost(session) } else { session.clientClosed() }
        }
        onLost = nil
        session = nil
        self.socket = nil
        onClosed(self)
    }

    // MARK: The session

    func send(text: String) { socket?.send(text: text) }
    func send(audioText: String) { socket?.send(text: audioText, .droppable) }
    func send(audio: UnsafeRawBufferPointer) { socket?.send(binary: audio, .droppable) }
    func discardQueuedAudio() { socket?.discardDroppable() }

    func close(code: UInt16, reason: String) { socket?.close(WebSocketCloseCode(rawValue: code), reason: reason) }

    var droppedAudioMessages: Int { socket?.statistics.droppedMessages ?? 0 }
    var bufferedBytes: Int { socket?.bufferedBytes ?? 0 }
}

extension WebSocketClosure {
    /// Whether the connection was ended on purpose: by the client, or by us because of what the client did. What a
    /// network does looks otherwise: no close frame, no answer to a ping, messages that are not read.
    fileprivate var isGoodbye: Bool {
        switch code {
        case .abnormal, .tryAgainLater: false
        // What a browser's `close()` sends.
        case .normal, .goingAway, .noStatus: true
        default: wasLocal
        }
    }
}
