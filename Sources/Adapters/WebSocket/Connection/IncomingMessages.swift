internal import ByteStreams
internal import EventLoops
internal import Wire

/// Who gets what `IncomingMessages` finds.
protocol IncomingMessagesDelegate: MessageReceiverDelegate {
    /// Bytes that have waited are looked at now.
    func takesUpBacklog()
    /// The stream has ended, and everything before its end has been looked at.
    func streamEnded(_ failure: ByteStreamFailure?)
}

/// What one end of a WebSocket is sent: reads from the stream, a few frames at a time so that a peer that sends many at once
/// keeps nobody waiting, for as long as the handler wants to; and sees that a message that has begun ends.
///
/// An object and not a value: who gets a message may pause reading or end the connection. Belongs to the loop's thread.
final class IncomingMessages {
    /// Frames of one read that are looked at as soon as they are there. More than a peer has to send at a time; what is
    /// beyond waits until the others have had their share of the loop.
    static let maximumFramesAtOnce = 16

    /// How long messages may be from now on.
    var maximumMessageBytes: Int {
        get { receiver.maximumMessageBytes }
        set { receiver.maximumMessageBytes = newValue }
    }
    /// Whether the handler wants nothing read.
    private(set) var isPaused = false
    /// Whether what the peer says still counts.
    private(set) var isTaking = true

    unowned var delegate: (any IncomingMessagesDelegate)?
    private let stream: ByteStream
    private let receiver: MessageReceiver
    private let messageTimeout: Duration
    /// Bytes that have been read and not been looked at: those that came with the opening handshake, and those of a peer
    /// that sends many frames at once, which are background work.
    private var backlog: [UInt8]
    /// How many of them have been taken.
    private var backlogOffset = 0
    /// How the stream has ended behind the backlog.
    private var endBehindBacklog: ByteStreamFailure??
    private var work: BackgroundWork?
    private let loop: EventLoop
    /// Goes off when a message takes too long.
    private var timer: LoopTimer?
    /// The number of the message that it is armed for.
    private var timedMessage = 0

    init(
        _ loop: EventLoop, _ stream: ByteStream, role: MessageReceiver.Role, early: [UInt8],
        _ configuration: WebSocketConfiguration
    ) {
        self.loop = loop
        self.stream = stream
        backlog = early
        messageTimeout = configuration.messageTimeout
        receiver = MessageReceiver(
            role: role, maximumMessageBytes: configuration.maximumMessageBytes,
            skipsLargeMessages: configuration.skipsLargeMessages, piecesBeyond: configuration.textPiecesBeyond)
        work = BackgroundWork(.messages, loop: loop) { [weak self] in self?.takeBacklog() ?? false }
        followReading()
    }

    // MARK: When bytes are read

    /// Reads what came with the opening handshake.
    func start() {
        if !backlog.isEmpty { work?.request() }
    }

    func pause() {
        isPaused = true
        followReading()
    }

    /// Returns false when reading was not paused.
    func resume() -> Bool {
        guard isPaused else { return false }
        isPaused = false
        followReading()
        return true
    }

    /// Nothing that the peer says counts any more; the stream is read so that its end is seen.
    func stop() {
        isTaking = false
        isPaused = false
        receiver.stop()
        timer?.cancel()
        work?.cancel()
        followReading()
    }

    /// Reads when the handler wants that and what was read before has been looked at.
    private func followReading() {
        if isPaused || isTaking && !backlog.isEmpty {
            stream.pauseReading()
        } else {
            stream.resumeReading()
        }
    }

    // MARK: Bytes

    func receive(_ bytes: inout MutableRawSpan) {
        guard let delegate else { return }
        var taken = 0
        if backlog.isEmpty { taken = receiver.receive(&bytes, atMost: Self.maximumFramesAtOnce, to: delegate) }
        followMessage()
        guard taken < bytes.byteCount, isTaking else { return }
        backlog.append(copying: bytes.bytes.extracting(taken..<bytes.byteCount))
        followReading()
        work?.request()
    }

    /// The stream has ended. Returns false when that is told later, because what the peer has said before still counts.
    func receive(end failure: ByteStreamFailure?) -> Bool {
        guard isTaking, !backlog.isEmpty else { return true }
        endBehindBacklog = .some(failure)
        return false
    }

    /// Looks at the next frames of the backlog.
    ///
    /// - Returns: whether there are more.
    private func takeBacklog() -> Bool {
        guard isTaking, let delegate else { return false }
        delegate.takesUpBacklog()
        // Out of the way of callbacks, which may close the connection.
        var bytes: [UInt8] = []
        swap(&bytes, &backlog)
        backlogOffset = bytes.withMutableBytes {
            receiver.receive(&$0, from: backlogOffset, atMost: Self.maximumFramesAtOnce, to: delegate)
        }
        let isLeft = backlogOffset < bytes.count
        if isLeft { swap(&bytes, &backlog) } else { backlogOffset = 0 }
        followReading()
        followMessage()
        if !isLeft || !isTaking, let endBehindBacklog { delegate.streamEnded(endBehindBacklog) }
        return isLeft
    }

    // MARK: The time a message may take

    private func followMessage() {
        guard isTaking, receiver.isInsideMessage, timer?.isArmed != true else { return }
        let timer = timer ?? LoopTimer(loop: loop) { [unowned self] in messageTimedOut() }
        self.timer = timer
        timedMessage = receiver.begunMessages
        timer.arm(after: messageTimeout)
    }

    private func messageTimedOut() {
        guard isTaking, receiver.isInsideMessage else { return }
        // One that has begun since is timed from now on, and time in which we did not read is not the peer's.
        guard receiver.begunMessages == timedMessage, !isPaused, backlog.isEmpty else { return followMessage() }
        delegate?.violated(
            WebSocketViolation(code: .policyViolation, reason: "a message took longer than \(messageTimeout)"))
    }
}
