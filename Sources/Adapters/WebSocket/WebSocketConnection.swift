internal import ByteStreams
package import EventLoops
package import Wire

/// One end of a WebSocket, server or client: messages in by callback, messages out by a bounded queue.
///
/// What is sent in an iteration of the loop leaves together at its end, but audio at once when nothing waits before it: the
/// iteration may go on with many frames of others that have to be encoded. The queue keeps the order; when the peer reads too
/// slowly, the oldest droppable messages go first and are counted, and required ones end the connection when there are
/// too many.
///
/// Belongs to the loop's thread.
package final class WebSocketConnection {
    enum Phase {
        case open
        /// Our close frame is queued or sent; the peer's is awaited.
        case closing
        /// The peer's close frame is here; ours goes out.
        case answering
        /// The peer broke the protocol: our close frame goes out, nothing that comes in counts.
        case failing
        case closed
    }

    package let configuration: WebSocketConfiguration
    /// The peer of the TCP connection.
    package let remoteAddress: TransportAddress?
    package internal(set) var statistics = WebSocketStatistics()

    /// Called when the connection has ended, for whoever keeps count of connections.
    package var onClosed: (() -> Void)?

    let context: WebSocketContext
    let stream: ByteStream
    let receiver: MessageReceiver
    private let isClient: Bool
    var handler: (any WebSocketHandler)?
    var phase = Phase.open
    var hasOpened = false
    /// Bytes that have been read and not been looked at: those that came with the opening handshake, and those of a peer
    /// that sends many frames at once, which are background work.
    var backlog: [UInt8]
    /// How many of them have been taken.
    var backlogOffset = 0
    /// How the stream has ended behind the backlog.
    var endBehindBacklog: ByteStreamFailure??
    var backlogWork: BackgroundWork?
    /// Whether the handler wants nothing read.
    var isReadingPaused = false
    private(set) var queue = SendQueue()
    private var finallyUnacknowledged: Int?
    var pendingPong: [UInt8]?
    /// Our close frame, which goes out behind the queue.
    var closeFrame: FrameBuffer?
    /// How this will end, as far as it is decided.
    var closure: WebSocketClosure?
    private(set) var isTerminated = false
    /// Our close frame has been handed to the stream.
    private var hasSaidGoodbye = false
    /// Our half of the stream has ended.
    private var hasFinishedStream = false
    var lastSign: Instant
    var isAwaitingSign = false
    private var hasUnreportedDrain = false
    var hook: EndOfIteration?
    var timer: LoopTimer?
    /// Goes off when a message takes too long.
    var messageTimer: LoopTimer?
    /// The number of the message that it is armed for.
    var timedMessage = 0

    /// - Parameters:
    ///   - stream: past the opening handshake.
    ///   - early: what came behind the handshake.
    init(
        context: WebSocketContext, stream: ByteStream, role: MessageReceiver.Role, early: [UInt8],
        configuration: WebSocketConfiguration, handler: any WebSocketHandler
    ) {
        self.context = context
        self.stream = stream
        self.configuration = configuration
        self.handler = handler
        backlog = early
        isClient = role == .client
        remoteAddress = stream.remoteAddress
        receiver = MessageReceiver(
            role: role, maximumMessageBytes: configuration.maximumMessageBytes,
            skipsLargeMessages: configuration.skipsLargeMessages)
        lastSign = context.loop.now
        stream.delegate = self
        hook = EndOfIteration(loop: context.loop) { [unowned self] in endOfIteration() }
        timer = LoopTimer(loop: context.loop) { [unowned self] in timerFired() }
        backlogWork = BackgroundWork(.messages, loop: context.loop) { [unowned self] in takeBacklog() }
        followReading()
        if let interval = configuration.pingInterval { timer?.arm(after: interval) }
        hook?.request()
    }

    package var loop: EventLoop { context.loop }

    /// Whether messages can be sent.
    package var isOpen: Bool { phase == .open && !isTerminated }

    /// Bytes accepted for sending that the kernel does not have yet, heads included.
    package var bufferedBytes: Int { queue.bytes + stream.queuedBytes }

    /// Bytes accepted for sending that are not known to have arrived, heads included; once the connection has ended, how many
    /// they were then.
    package var unacknowledgedBytes: Int { finallyUnacknowledged ?? queue.bytes + stream.unacknowledgedBytes }

    /// How long messages of the peer may be from now on, in place of what the configuration says.
    package var maximumMessageBytes: Int {
        get { receiver.maximumMessageBytes }
        set { receiver.maximumMessageBytes = newValue }
    }

    // MARK: Sending

    /// Sends a text message.
    ///
    /// - Returns: false when the connection is not open any more.
    @discardableResult
    package func send(text: String, _ priority: WebSocketPriority = .required) -> Bool {
        var text = text
        // SAFETY: the bytes are copied or sent during the call.
        return text.withUTF8 { unsafe enqueue(.text, UnsafeRawBufferPointer($0).bytes, priority) }
    }

    /// Sends a text message that makes an earlier one of the same key useless: what still waits of that is not sent.
    ///
    /// - Parameter isLast: no later message replaces this one.
    /// - Returns: whether one was given up.
    @discardableResult
    package func send(text: String, replacing key: String, isLast: Bool) -> Bool {
        let replaced = queue.takeReplaced(key)
        if let replaced { context.pool.put(replaced) }
        var text = text
        // SAFETY: the bytes are copied or sent during the call.
        _ = text.withUTF8 {
            unsafe enqueue(.text, UnsafeRawBufferPointer($0).bytes, .required, key: isLast ? nil : key)
        }
        return replaced != nil
    }

    /// Sends a text message that is UTF-8 already; the caller vouches for that.
    @discardableResult
    package func send(utf8 text: RawSpan, _ priority: WebSocketPriority = .required) -> Bool {
        enqueue(.text, text, priority)
    }

    /// Sends a binary message. The bytes are not needed after the call.
    @discardableResult
    package func send(binary bytes: RawSpan, _ priority: WebSocketPriority) -> Bool {
        enqueue(.binary, bytes, priority)
    }

    /// Sends a binary message.
    @discardableResult
    package func send(binary bytes: [UInt8], _ priority: WebSocketPriority) -> Bool {
        enqueue(.binary, bytes.span.bytes, priority)
    }

    /// Sends a ping; its answer comes as `receivedPong`.
    ///
    /// - Parameter payload: 125 bytes at most; what is beyond is cut off.
    package func ping(_ payload: [UInt8] = []) {
        guard isOpen else { return }
        let sent = payload.span.bytes.extracting(first: WebSocketFrameHeader.maximumControlPayloadBytes)
        queue.append(frame(.ping, sent), .required)
        hook?.request()
    }

    /// Gives up all droppable messages that wait: after an interruption nobody wants to hear them.
    package func discardDroppable() {
        while let buffer = queue.popOldestDroppable() { context.pool.put(buffer) }
    }

    private func enqueue(
        _ opcode: WebSocketOpcode, _ payload: RawSpan, _ priority: WebSocketPriority,
        key: String? = nil
    ) -> Bool {
        guard isOpen else { return false }
        let buffer = frame(opcode, payload)
        switch priority {
        case .droppable:
            while queue.droppableBytes + buffer.count > configuration.maximumDroppableBytes,
                let oldest = queue.popOldestDroppable()
            {
                statistics.droppedMessages += 1
                statistics.droppedBytes += oldest.count
                context.pool.put(oldest)
            }
        case .required:
            guard queue.requiredBytes + buffer.count <= configuration.maximumRequiredBytes else {
                context.pool.put(buffer)
                let violation = WebSocketViolation(code: .tryAgainLater, reason: "messages are read too slowly")
                fail(violation, dropsQueue: true)
                return false
            }
        }
        statistics.sentMessages += 1
        statistics.sentBytes += payload.byteCount
        if priority == .droppable, mayWriteAtOnce {
            write(buffer)
            hasUnreportedDrain = true
        } else {
            queue.append(buffer, priority, key: key)
        }
        hook?.request()
        return true
    }

    /// Whether a frame may go past the queue. Not over TLS, whose failures are reported within the call.
    private var mayWriteAtOnce: Bool {
        hasOpened && queue.isEmpty && pendingPong == nil && stream.isPlain && stream.queuedBytes == 0
    }

    private func frame(_ opcode: WebSocketOpcode, _ payload: RawSpan) -> FrameBuffer {
        context.pool.frame(opcode, payload: payload, mask: isClient ? context.nextMask() : nil)
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
        let reason = Self.shortened(reason)
        closure = WebSocketClosure(code: code, reason: reason, wasClean: false, wasLocal: true)
        closeFrame = makeCloseFrame(code, reason)
        phase = .closing
        timer?.arm(after: configuration.closeTimeout)
        // A peer that must answer has to be heard.
        isReadingPaused = false
        followReading()
        hook?.request()
    }

    /// Ends the connection without a word; `webSocketClosed` comes at the end of the iteration.
    package func terminate() {
        guard phase != .closed, !isTerminated else { return }
        isTerminated = true
        hook?.request()
    }

    func makeCloseFrame(_ code: WebSocketCloseCode, _ reason: String) -> FrameBuffer {
        let payload =
            code == .noStatus ? [] : [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + Array(reason.utf8)
        return frame(.close, payload.span.bytes)
    }

    /// The longest beginning that fits a close frame and does not end inside a character.
    static func shortened(_ reason: String) -> String {
        let limit = WebSocketFrameHeader.maximumControlPayloadBytes - 2
        guard reason.utf8.count > limit else { return reason }
        var result = ""
        var count = 0
        for scalar in reason.unicodeScalars {
            count += UTF8.width(scalar)
            if count > limit { break }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    /// Something is wrong with the peer: it is told what, and nothing from it counts any more.
    ///
    /// - Parameter dropsQueue: what waits is not sent before: it is what the peer does not read.
    func fail(_ violation: WebSocketViolation, dropsQueue: Bool = false) {
        guard isOpen || phase == .closing else { return }
        receiver.stop()
        if dropsQueue { dropQueue() }
        let reason = Self.shortened(violation.reason)
        if closure == nil {
            closure = WebSocketClosure(code: violation.code, reason: reason, wasClean: false, wasLocal: true)
        }
        if !hasSaidGoodbye {
            if let closeFrame { context.pool.put(closeFrame) }
            closeFrame = makeCloseFrame(violation.code, reason)
        }
        phase = .failing
        timer?.arm(after: configuration.closeTimeout)
        isReadingPaused = false
        followReading()
        hook?.request()
    }

    func dropQueue() {
        finallyUnacknowledged = unacknowledgedBytes
        while let buffer = queue.popFirst() { context.pool.put(buffer) }
        pendingPong = nil
    }

    private func finish(_ final: WebSocketClosure) {
        guard phase != .closed else { return }
        phase = .closed
        receiver.stop()
        dropQueue()
        if let closeFrame { context.pool.put(closeFrame) }
        closeFrame = nil
        timer?.cancel()
        messageTimer?.cancel()
        backlogWork?.cancel()
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

    func finishAbnormally(_ reason: String, wasLocal: Bool = false) {
        finish(closure ?? WebSocketClosure(code: .abnormal, reason: reason, wasClean: false, wasLocal: wasLocal))
    }

    // MARK: The end of an iteration

    private func endOfIteration() {
        if isTerminated { return finishAbnormally("ended on this side") }
        if !hasOpened { open() }
        flush()
    }

    func open() {
        hasOpened = true
        guard isOpen else { return }
        handler?.webSocketOpened(self)
        if !backlog.isEmpty { backlogWork?.request() }
        if isTerminated { finishAbnormally("ended on this side") }
    }

    /// Hands frames to the stream until the kernel takes no more: a pong first, then the queue, then our close frame.
    func flush() {
        while phase != .closed, stream.queuedBytes == 0 {
            if let payload = pendingPong {
                pendingPong = nil
                write(frame(.pong, payload.span.bytes))
            } else if !queue.isEmpty {
                writeQueued()
                hasUnreportedDrain = true
            } else if let frame = closeFrame {
                closeFrame = nil
                hasSaidGoodbye = true
                write(frame)
            } else {
                break
            }
        }
        guard phase != .closed, queue.isEmpty, stream.queuedBytes == 0 else { return }
        if hasSaidGoodbye { return saidGoodbye() }
        if hasUnreportedDrain, isOpen {
            hasUnreportedDrain = false
            handler?.webSocketDrained(self)
        }
    }

    private func write(_ frame: FrameBuffer) {
        stream.write(frame.bytes)
        context.pool.put(frame)
    }

    /// One frame from where it lies, or several small ones copied together: one system call either way.
    private func writeQueued() {
        guard let first = queue.popFirst() else { return }
        guard let second = queue.first, first.count + second.count <= WebSocketContext.maximumBatchBytes else {
            return write(first)
        }
        // Out of the way of callbacks, which may flush another connection.
        var batch: [UInt8] = []
        swap(&batch, &context.batch)
        add(first, to: &batch)
        while let next = queue.first, batch.count + next.count <= WebSocketContext.maximumBatchBytes,
            let frame = queue.popFirst()
        {
            add(frame, to: &batch)
        }
        stream.write(batch.span.bytes)
        batch.removeAll(keepingCapacity: true)
        swap(&batch, &context.batch)
    }

    private func add(_ frame: FrameBuffer, to batch: inout [UInt8]) {
        batch.append(copying: frame.bytes)
        context.pool.put(frame)
    }

    /// Our close frame is on its way.
    private func saidGoodbye() {
        switch phase {
        case .answering:
            // Both sides have said goodbye. The server ends TCP first (RFC 6455 section 7.1.1); a client that does not
            // wait for that only takes the TIME_WAIT state upon itself.
            finish(closure ?? WebSocketClosure(code: .noStatus, reason: "", wasClean: true, wasLocal: false))
        case .failing where !hasFinishedStream:
            // Closing with unread bytes would reset the connection, and the peer might never see why. So only our
            // half ends, until the peer's does or the timer goes off.
            hasFinishedStream = true
            stream.finish()
        case .open, .closing, .failing, .closed:
            break
        }
    }
}
