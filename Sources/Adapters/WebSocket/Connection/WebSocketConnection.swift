package import ByteStreams
package import EventLoops
internal import SecureTransport
package import Wire

/// One end of a WebSocket, server or client: messages in by callback, messages out by a bounded queue.
///
/// What is sent in an iteration of the loop leaves together at its end, but audio at once when nothing waits before it: the
/// iteration may go on with many frames of others that have to be encoded. When the peer reads too slowly, the oldest
/// droppable messages go first and are counted, and required ones end the connection when there are too many.
///
/// Its parts read (`IncomingMessages`), send (`OutgoingFrames`) and watch (`PeerLiveness`); how the connection ends is decided
/// here. Belongs to the loop's thread.
package final class WebSocketConnection {
    private enum Phase {
        case open
        /// Our close frame is queued or sent; the peer's is awaited.
        case closing
        /// The peer's close frame is here; ours goes out.
        case answering
        /// The peer broke the protocol: our close frame goes out, nothing that comes in counts.
        case failing
        case closed
    }

    /// The peer of the TCP connection.
    package let remoteAddress: TransportAddress?
    package let loop: EventLoop
    /// Called when the connection has ended, for whoever keeps count of connections.
    package var onClosed: (() -> Void)?

    private let stream: ByteStream
    private let incoming: IncomingMessages
    let outgoing: OutgoingFrames
    private let closeTimeout: Duration
    private var liveness: PeerLiveness?
    private var handler: (any WebSocketHandler)?
    private var phase = Phase.open
    /// How this will end, as far as it is decided.
    private var closure: WebSocketClosure?
    private var isTerminated = false
    /// Our half of the stream has ended.
    private var hasFinishedStream = false
    private var hook: EndOfIteration?
    /// Of a silent peer, then of the close frame.
    private var timer: LoopTimer?

    /// - Parameters:
    ///   - stream: past the opening handshake.
    ///   - early: what came behind the handshake.
    init(
        context: WebSocketContext, stream: ByteStream, role: MessageReceiver.Role, early: [UInt8],
        configuration: WebSocketConfiguration, handler: any WebSocketHandler
    ) {
        loop = context.loop
        self.stream = stream
        self.handler = handler
        remoteAddress = stream.remoteAddress
        incoming = IncomingMessages(context.loop, stream, role: role, early: early, configuration)
        outgoing = OutgoingFrames(context, stream, configuration, isClient: role == .client)
        closeTimeout = configuration.closeTimeout
        liveness = PeerLiveness(configuration, now: context.loop.now)
        stream.delegate = self
        incoming.delegate = self
        hook = EndOfIteration(loop: loop) { [unowned self] in endOfIteration() }
        timer = LoopTimer(loop: loop) { [unowned self] in timerFired() }
        if let interval = configuration.pingInterval { timer?.arm(after: interval) }
        hook?.request()
    }

    /// Whether messages can be sent.
    package var isOpen: Bool { phase == .open && !isTerminated }

    /// Bytes accepted for sending that the kernel does not have yet, heads included.
    package var bufferedBytes: Int { outgoing.bytes + stream.queuedBytes }

    /// Bytes accepted for sending that are not known to have arrived, heads included; once the connection has ended, how many
    /// they were then.
    package var unacknowledgedBytes: Int { outgoing.unacknowledgedBytes }

    /// Droppable messages given up because the peer reads too slowly, and their bytes on the wire.
    package var dropped: (messages: Int, bytes: Int) { outgoing.dropped }

    /// How long messages of the peer may be from now on, in place of what the configuration says.
    package var maximumMessageBytes: Int {
        get { incoming.maximumMessageBytes }
        set { incoming.maximumMessageBytes = newValue }
    }

    // MARK: Sending

    /// Sends a text message.
    ///
    /// - Returns: false when the connection is not open any more.
    @discardableResult
    package func send(text: String, _ priority: WebSocketPriority = .required) -> Bool {
        send(text: text, priority, key: nil)
    }

    /// Sends a text message that makes an earlier one of the same key useless: what still waits of that is not sent.
    ///
    /// - Parameter isLast: no later message replaces this one.
    /// - Returns: whether one was given up.
    @discardableResult
    package func send(text: String, replacing key: String, isLast: Bool) -> Bool {
        let isReplaced = outgoing.giveUp(replaced: key)
        _ = send(text: text, .required, key: isLast ? nil : key)
        return isReplaced
    }

    /// Sends a text message that is UTF-8 already; the caller vouches for that.
    @discardableResult
    package func send(utf8 text: RawSpan, _ priority: WebSocketPriority = .required) -> Bool {
        send(.text, text, priority)
    }

    /// Sends a binary message. The bytes are not needed after the call.
    @discardableResult
    package func send(binary bytes: RawSpan, _ priority: WebSocketPriority) -> Bool {
        send(.binary, bytes, priority)
    }

    /// Sends a binary message.
    @discardableResult
    package func send(binary bytes: [UInt8], _ priority: WebSocketPriority) -> Bool {
        send(.binary, bytes.span.bytes, priority)
    }

    private func send(text: String, _ priority: WebSocketPriority, key: String?) -> Bool {
        var text = text
        // SAFETY: the bytes are copied or sent during the call.
        return text.withUTF8 { unsafe send(.text, UnsafeRawBufferPointer($0).bytes, priority, key: key) }
    }

    private func send(
        _ opcode: WebSocketOpcode, _ payload: RawSpan, _ priority: WebSocketPriority, key: String? = nil
    ) -> Bool {
        guard isOpen else { return false }
        guard outgoing.append(opcode, payload, priority, key: key) else {
            outgoing.giveUpMessages()
            fail(WebSocketViolation(code: .tryAgainLater, reason: "messages are read too slowly"))
            return false
        }
        hook?.request()
        return true
    }

    /// Sends a ping; its answer comes as `receivedPong`.
    ///
    /// - Parameter payload: 125 bytes at most; what is beyond is cut off.
    package func ping(_ payload: [UInt8] = []) {
        guard isOpen else { return }
        outgoing.appendPing(payload)
        hook?.request()
    }

    /// Gives up all droppable messages that wait: after an interruption nobody wants to hear them.
    package func discardDroppable() { outgoing.giveUpDroppable() }

    // MARK: Flow control

    /// Reads nothing more from the network until `resumeReading`, so that TCP slows the sender down. Messages that
    /// have been read already still come, 64 KiB of them at most.
    package func pauseReading() {
        if phase == .open { incoming.pause() }
    }

    package func resumeReading() {
        // Silence that we caused ourselves is not held against the peer.
        if incoming.resume() { noteSign() }
    }

    // MARK: Closing

    /// Says goodbye after what is queued, and ends when the peer has answered, or after `closeTimeout`.
    ///
    /// - Parameters:
    ///   - code: one that may be sent; any other becomes 1011.
    ///   - reason: at most 123 bytes of UTF-8 are sent.
    package func close(_ code: WebSocketCloseCode = .normal, reason: String = "") {
        guard isOpen else { return }
        let code = code.isSendable ? code : .internalError
        closure = WebSocketClosure(code: code, reason: reason.closeReason, wasClean: false, wasLocal: true)
        // A peer that must answer has to be heard.
        _ = incoming.resume()
        sayGoodbye(code, reason.closeReason, .closing)
    }

    /// Ends the connection without a word; `webSocketClosed` comes at the end of the iteration.
    package func terminate() {
        guard phase != .closed, !isTerminated else { return }
        isTerminated = true
        incoming.stop()
        hook?.request()
    }

    /// Something is wrong with the peer: it is told what, and nothing from it counts any more.
    private func fail(_ violation: WebSocketViolation) {
        guard isOpen || phase == .closing else { return }
        incoming.stop()
        let reason = violation.reason.closeReason
        if closure == nil {
            closure = WebSocketClosure(code: violation.code, reason: reason, wasClean: false, wasLocal: true)
        }
        sayGoodbye(violation.code, reason, .failing)
    }

    private func sayGoodbye(_ code: WebSocketCloseCode, _ reason: String, _ phase: Phase) {
        self.phase = phase
        outgoing.sayGoodbye(code, reason)
        timer?.arm(after: closeTimeout)
        hook?.request()
    }

    private func finish(_ final: WebSocketClosure) {
        guard phase != .closed else { return }
        phase = .closed
        incoming.stop()
        outgoing.giveUpAll()
        timer?.cancel()
        let handler = handler
        self.handler = nil
        let onClosed = onClosed
        self.onClosed = nil
        // The stream holds the last reference from below; keep this object until the callbacks are through.
        withExtendedLifetime(self) {
            stream.close()
            onClosed?()
            handler?.webSocketClosed(self, final)
            hook?.cancel()
        }
    }

    private func finishAbnormally(_ reason: String, wasLocal: Bool = false) {
        finish(closure ?? WebSocketClosure(code: .abnormal, reason: reason, wasClean: false, wasLocal: wasLocal))
    }

    // MARK: The end of an iteration

    private func endOfIteration() {
        if isTerminated { return finishAbnormally("ended on this side") }
        if !outgoing.isOpen { open() }
        flush()
    }

    private func open() {
        outgoing.isOpen = true
        guard isOpen else { return }
        handler?.webSocketOpened(self)
        incoming.start()
        if isTerminated { finishAbnormally("ended on this side") }
    }

    private func flush() {
        guard phase != .closed else { return }
        let outcome = outgoing.flush()
        guard phase != .closed else { return }
        switch outcome {
        case .waiting: break
        case .nothing(let isNews):
            if isNews, isOpen { handler?.webSocketDrained(self) }
        case .saidGoodbye where phase == .answering:
            // Both sides have said goodbye. The server ends TCP first (RFC 6455 section 7.1.1); a client that does not
            // wait for that only takes the TIME_WAIT state upon itself.
            finish(closure ?? WebSocketClosure(code: .noStatus, reason: "", wasClean: true, wasLocal: false))
        case .saidGoodbye where phase == .failing && !hasFinishedStream:
            // Closing with unread bytes would reset the connection, and the peer might never see why. So only our
            // half ends, until the peer's does or the timer goes off.
            hasFinishedStream = true
            stream.finish()
        case .saidGoodbye: break
        }
    }

    // MARK: Signs of life

    private func noteSign() {
        guard let deadline = liveness?.noteSign(now: loop.now), phase == .open else { return }
        timer?.arm(at: deadline)
    }

    private func timerFired() {
        guard phase == .open else { return finishAbnormally("the peer does not answer the close frame") }
        switch liveness?.handleTimeout(isDeaf: incoming.isPaused, now: loop.now) {
        case .wait(let deadline): timer?.arm(at: deadline)
        case .ping(let deadline):
            ping()
            timer?.arm(at: deadline)
        case .giveUp: finishAbnormally("the peer does not answer pings", wasLocal: true)
        case nil: break
        }
    }
}

extension WebSocketConnection: ByteStreamDelegate {
    package func streamReceived(_ bytes: inout MutableRawSpan) {
        guard incoming.isTaking else { return }
        noteSign()
        if !outgoing.isOpen { open() }
        if incoming.isTaking { incoming.receive(&bytes) }
    }

    package func streamSecured() {}

    package func streamEnded(_ failure: ByteStreamFailure?) {
        guard incoming.receive(end: failure) else { return }
        let reason =
            switch failure {
            case nil: "the connection ended without a close frame"
            case .network(let error): error.description
            case .tls(let error): error.description
            }
        finishAbnormally(reason)
    }

    package func streamDrained() { flush() }
}

extension WebSocketConnection: IncomingMessagesDelegate {
    func takesUpBacklog() { noteSign() }

    package func received(message: RawSpan, isText: Bool) {
        guard isOpen, let handler else { return }
        if isText {
            handler.webSocket(self, receivedText: message)
        } else {
            handler.webSocket(self, receivedBinary: message)
        }
    }

    package func received(textPiece: RawSpan, isLast: Bool, expected: Int) {
        guard isOpen else { return }
        handler?.webSocket(self, receivedTextPiece: textPiece, isLast: isLast, expected: expected)
    }

    package func skipped(messageOf byteCount: Int) {
        guard isOpen else { return }
        handler?.webSocket(self, skippedMessageOf: byteCount)
    }

    package func received(ping payload: RawSpan) {
        guard phase == .open else { return }
        outgoing.answer(ping: payload)
        hook?.request()
    }

    package func received(pong payload: RawSpan) {
        guard isOpen else { return }
        handler?.webSocket(self, receivedPong: payload)
    }

    package func received(close code: WebSocketCloseCode, reason: String) {
        guard phase == .open || phase == .closing else { return }
        // Who began it has said with what.
        let began = closure ?? WebSocketClosure(code: code, reason: reason, wasClean: true, wasLocal: false)
        closure = WebSocketClosure(code: began.code, reason: began.reason, wasClean: true, wasLocal: began.wasLocal)
        incoming.stop()
        // The peer reads nothing any more, so nothing but the answer is worth sending.
        outgoing.giveUpMessages()
        if phase == .open {
            sayGoodbye(code, "", .answering)
        } else {
            phase = .answering
            hook?.request()
        }
    }

    package func violated(_ violation: WebSocketViolation) { fail(violation) }
}
