internal import ByteStreams
internal import Wire

/// What one end of a WebSocket has to send: the answer to the latest ping first, then messages in the order in which they
/// were sent, then the close frame. The queue is bounded: the oldest droppable messages give way to new ones.
///
/// An object and not a value: TLS may report within a write that the stream has broken, and then what waits here goes.
/// Belongs to the loop's thread.
final class OutgoingFrames {
    /// What `flush` left behind.
    enum Outcome {
        /// The stream takes no more at the moment.
        case waiting
        /// Nothing. `isNews`: for the first time since something waited.
        case nothing(isNews: Bool)
        /// Nothing, and the close frame was the last.
        case saidGoodbye
    }

    private let context: WebSocketContext
    private let stream: ByteStream
    private let configuration: WebSocketConfiguration
    private let isClient: Bool
    private var queue = SendQueue()
    private var pong: [UInt8]?
    private var closeFrame: FrameBuffer?
    private var hasUnreportedDrain = false
    private var unacknowledgedAtTheEnd: Int?
    /// Frames with sound may leave at once: the other side of the opening handshake has been told of the connection.
    var isOpen = false
    /// The close frame has been handed to the stream.
    private(set) var hasSaidGoodbye = false
    /// Droppable messages that were given up because the peer reads too slowly, and their bytes on the wire.
    private(set) var dropped = (messages: 0, bytes: 0)

    init(_ context: WebSocketContext, _ stream: ByteStream, _ configuration: WebSocketConfiguration, isClient: Bool) {
        self.context = context
        self.stream = stream
        self.configuration = configuration
        self.isClient = isClient
    }

    /// Bytes that the stream does not have yet.
    var bytes: Int { queue.bytes }
    /// Those of them that may be given up.
    var droppableBytes: Int { queue.droppableBytes }

    /// Bytes that are not known to have arrived; once everything was given up, how many they were then.
    var unacknowledgedBytes: Int { unacknowledgedAtTheEnd ?? queue.bytes + stream.unacknowledgedBytes }

    // MARK: What is to be sent

    /// - Parameter key: of a message that a later one may replace.
    /// - Returns: false when so much waits that has to arrive that the peer must be told; the message is not taken then.
    func append(_ opcode: WebSocketOpcode, _ payload: RawSpan, _ priority: WebSocketPriority, key: String?) -> Bool {
        let buffer = frame(opcode, payload)
        switch priority {
        case .droppable:
            while queue.droppableBytes + buffer.count > configuration.maximumDroppableBytes,
                let oldest = queue.popOldestDroppable()
            {
                dropped.messages += 1
                dropped.bytes += oldest.count
                context.pool.put(oldest)
            }
            guard !mayPass else {
                write(buffer)
                hasUnreportedDrain = true
                return true
            }
        case .required:
            guard queue.requiredBytes + buffer.count <= configuration.maximumRequiredBytes else {
                context.pool.put(buffer)
                return false
            }
        }
        queue.append(buffer, priority, key: key)
        return true
    }

    /// A ping, of whose payload 125 bytes are sent.
    func appendPing(_ payload: [UInt8]) {
        let sent = payload.span.bytes.extracting(first: WebSocketFrameHeader.maximumControlPayloadBytes)
        queue.append(frame(.ping, sent), .required)
    }

    /// Only the latest ping needs an answer (RFC 6455 section 5.5.3), so a flood of them costs no memory.
    func answer(ping payload: RawSpan) { pong = [UInt8](copying: payload) }

    /// What goes out behind everything else. The latest one counts, until it is sent.
    func sayGoodbye(_ code: WebSocketCloseCode, _ reason: String) {
        guard !hasSaidGoodbye else { return }
        if let closeFrame { context.pool.put(closeFrame) }
        let payload =
            code == .noStatus ? [] : [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + Array(reason.utf8)
        closeFrame = frame(.close, payload.span.bytes)
    }

    /// Gives up the message of this key if it still waits.
    ///
    /// - Returns: whether it did.
    func giveUp(replaced key: String) -> Bool {
        guard let replaced = queue.takeReplaced(key) else { return false }
        context.pool.put(replaced)
        return true
    }

    func giveUpDroppable() {
        while let buffer = queue.popOldestDroppable() { context.pool.put(buffer) }
    }

    /// Gives up everything that waits, the close frame excepted.
    func giveUpMessages() {
        unacknowledgedAtTheEnd = unacknowledgedBytes
        while let buffer = queue.popFirst() { context.pool.put(buffer) }
        pong = nil
    }

    /// Nothing more will be sent.
    func giveUpAll() {
        giveUpMessages()
        if let closeFrame { context.pool.put(closeFrame) }
        closeFrame = nil
    }

    private func frame(_ opcode: WebSocketOpcode, _ payload: RawSpan) -> FrameBuffer {
        context.pool.frame(opcode, payload: payload, mask: isClient ? context.nextMask() : nil)
    }

    // MARK: Sending

    /// Whether a frame may go past the queue. Not over TLS, whose failures are reported within the call.
    private var mayPass: Bool { isOpen && queue.isEmpty && pong == nil && stream.isPlain && stream.queuedBytes == 0 }

    /// Hands frames to the stream until the kernel takes no more.
    func flush() -> Outcome {
        while stream.queuedBytes == 0 {
            if let payload = pong {
                pong = nil
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
        guard queue.isEmpty, stream.queuedBytes == 0 else { return .waiting }
        if hasSaidGoodbye { return .saidGoodbye }
        defer { hasUnreportedDrain = false }
        return .nothing(isNews: hasUnreportedDrain)
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
}
