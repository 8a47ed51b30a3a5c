internal import Bridge
internal import ClientProtocol
internal import EventLoops
internal import WebSocket
internal import Wire

/// A client's WebSocket and its session, which hold each other until the socket is closed.
final class SocketClient: WebSocketHandler, ClientConnection {
    /// Whom the socket asks about its client, all on the loop.
    struct Hooks {
        /// Makes the session of a client that was let in.
        ///
        /// - Parameter accessToken: from a message of the client's.
        var begin:
            (_ client: SocketClient, _ caller: Caller, _ dialect: any ClientDialect, _ accessToken: String?) ->
                BridgeSession
        /// The socket is gone.
        var closed: (SocketClient) -> Void
    }

    private var socket: WebSocketConnection?
    /// How the client speaks, until its session knows.
    private var dialect: any ClientDialect
    private var session: BridgeSession?
    /// Until it has let the client in or refused it.
    private var gate: ConnectionGate?
    private var gateTimer: LoopTimer?
    private var hooks: Hooks?
    private let maximumMessageBytes: Int
    /// Decides about the session when the socket broke; without it, the session ends.
    var onLost: ((BridgeSession, ClientLoss) -> Void)?
    /// Bytes that had been dropped when everything else had arrived for the last time.
    private var arrivedDespiteDrops = 0
    /// Where the socket is counted.
    private(set) var place: ConnectionPlaces.Place?

    /// - Parameter maximumMessageBytes: for messages after the gate.
    init(gate: ConnectionGate, dialect: any ClientDialect, maximumMessageBytes: Int, hooks: Hooks) {
        self.gate = gate
        self.dialect = dialect
        self.maximumMessageBytes = maximumMessageBytes
        self.hooks = hooks
        place = gate.place
    }

    /// The session goes on without this socket, which it has closed.
    func giveUpSession() {
        session = nil
        onLost = nil
    }

    /// The gateway stops: the client is told, and the socket is closed.
    func shutDown() {
        if let session, !session.hasEnded {
            session.shutDown()
        } else {
            endGate()
            socket?.close(.goingAway, reason: "the gateway is shutting down; connect again")
        }
    }

    // MARK: The socket

    func webSocketOpened(_ socket: WebSocketConnection) {
        self.socket = socket
        guard let gate else { return }
        let decision = gate.open()
        guard case .waiting = decision else { return act(on: decision) }
        let timer = LoopTimer(loop: socket.loop) { [unowned self] in
            if let gate = self.gate { act(on: gate.giveUp()) }
        }
        timer.arm(after: gate.patience)
        gateTimer = timer
    }

    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
        if let gate {
            let introduction = dialect.introduction(in: [UInt8](copying: text))
            var accessToken: String?
            if case .credential(.accessToken(let token), _) = introduction { accessToken = token }
            act(on: gate.receive(introduction), accessToken: accessToken)
            guard case .credential(_, isForSession: true) = introduction else { return }
        }
        session?.receive(text: [UInt8](copying: text))
    }

    func webSocket(_ socket: WebSocketConnection, receivedTextPiece piece: RawSpan, isLast: Bool, expected: Int) {
        // Who has still to show a credential has nothing so large to say.
        if let gate { return act(on: gate.giveUp()) }
        session?.receive(textPiece: piece, isLast: isLast, expected: expected)
    }

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
        if let gate { return act(on: gate.giveUp()) }
        session?.receive(binary: bytes)
    }

    func webSocket(_ socket: WebSocketConnection, skippedMessageOf byteCount: Int) {
        if let gate { return act(on: gate.giveUp()) }
        session?.skipped(messageOf: byteCount)
    }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        if let session {
            if let loss = closure.loss, !(loss == .broken && dialect.descriptor.hangsUpByClosing) {
                let mayComeBack = loss != .departed && loss != .faulty
                if mayComeBack, let onLost {
                    onLost(session, loss)
                } else {
                    session.clientLost(loss, mayResume: false)
                }
            } else {
                session.clientClosed()
            }
        }
        onLost = nil
        session = nil
        gate?.hungUp()
        endGate()
        place = nil
        self.socket = nil
        let hooks = hooks
        self.hooks = nil
        hooks?.closed(self)
    }

    // MARK: The gate

    private func act(on decision: ConnectionGate.Decision, accessToken: String? = nil) {
        switch decision {
        case .waiting: break
        case .admitted(let caller):
            endGate()
            socket?.maximumMessageBytes = maximumMessageBytes
            guard let session = hooks?.begin(self, caller, dialect, accessToken) else { return }
            self.session = session
            session.start()
        case .refused(let refusal):
            for frame in dialect.encode(refusal) {
                if case .text(let text) = frame { send(text: text) }
            }
            endGate()
            close(code: refusal.closeCode, reason: refusal.closeReason)
        }
    }

    private func endGate() {
        gate = nil
        gateTimer?.cancel()
        gateTimer = nil
    }

    // MARK: The session

    func send(text: String) { socket?.send(text: text) }
    func send(text: String, replacing key: String, isLast: Bool) -> Bool {
        socket?.send(text: text, replacing: key, isLast: isLast) ?? false
    }
    func send(audioText: RawSpan) { socket?.send(utf8: audioText, .droppable) }
    func send(audio: RawSpan) { socket?.send(binary: audio, .droppable) }
    func discardQueuedAudio() { socket?.discardDroppable() }

    func close(code: UInt16, reason: String) { socket?.close(WebSocketCloseCode(rawValue: code), reason: reason) }

    var droppedAudioMessages: Int { socket?.dropped.messages ?? 0 }

    /// What had to be dropped because the client reads too slowly counts while something else has not arrived: it was lost with
    /// that, and behind it.
    var unacknowledgedBytes: Int {
        guard let socket else { return 0 }
        let waiting = socket.unacknowledgedBytes
        if waiting == 0 { arrivedDespiteDrops = socket.dropped.bytes }
        return waiting + socket.dropped.bytes - arrivedDespiteDrops
    }
}

extension WebSocketClosure {
    /// What the end of a connection says about its client; nil when the client has ended the call.
    fileprivate var loss: ClientLoss? {
        switch code {
        // The second is what a browser's `close()` sends.
        case .normal, .noStatus: nil
        case .goingAway: .departed
        // What a network does: no close frame, no answer to a ping, messages that are not read.
        case .abnormal: wasLocal ? .vanished : .broken
        case .tryAgainLater: .slow
        default: wasLocal ? .faulty : .broken
        }
    }
}
