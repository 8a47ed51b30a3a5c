package import ByteStreams
internal import EventLoops
internal import SecureTransport
internal import Wire

extension WebSocketConnection {
    /// Frames of one read that are looked at as soon as they are there. More than a peer has to send at a time; what is
    /// beyond waits until the others have had their share of the loop.
    static let maximumFramesAtOnce = 16

    // MARK: Flow control

    /// Reads nothing more from the network until `resumeReading`, so that TCP slows the sender down. Messages that
    /// have been read already still come, 64 KiB of them at most.
    package func pauseReading() {
        guard phase == .open else { return }
        isReadingPaused = true
        followReading()
    }

    package func resumeReading() {
        guard isReadingPaused else { return }
        isReadingPaused = false
        // Silence that we caused ourselves is not held against the peer.
        noteSign()
        followReading()
    }

    private var takesMessages: Bool { (phase == .open || phase == .closing) && !isTerminated }

    /// Reads when the handler wants that and what was read before has been looked at.
    func followReading() {
        if isReadingPaused || takesMessages && !backlog.isEmpty {
            stream.pauseReading()
        } else {
            stream.resumeReading()
        }
    }

    /// Looks at the next frames of the backlog.
    ///
    /// - Returns: whether there are more.
    func takeBacklog() -> Bool {
        guard takesMessages else { return false }
        noteSign()
        // Out of the way of callbacks, which may close the connection.
        var bytes: [UInt8] = []
        swap(&bytes, &backlog)
        backlogOffset = bytes.withMutableBytes {
            receiver.receive(&$0, from: backlogOffset, atMost: Self.maximumFramesAtOnce, to: self)
        }
        let isLeft = backlogOffset < bytes.count
        if isLeft { swap(&bytes, &backlog) } else { backlogOffset = 0 }
        followReading()
        followMessage()
        if !isLeft, let endBehindBacklog { streamEnded(endBehindBacklog) }
        return isLeft
    }

    /// A message that has begun has to end some time.
    private func followMessage() {
        guard receiver.isInsideMessage, messageTimer?.isArmed != true else { return }
        let timer = messageTimer ?? LoopTimer(loop: context.loop) { [unowned self] in messageTimedOut() }
        messageTimer = timer
        timedMessage = receiver.begunMessages
        timer.arm(after: configuration.messageTimeout)
    }

    private func messageTimedOut() {
        guard takesMessages, receiver.isInsideMessage else { return }
        // One that has begun since is timed from now on, and time in which we did not read is not the peer's.
        guard receiver.begunMessages == timedMessage, !isReadingPaused, backlog.isEmpty else { return followMessage() }
        let limit = configuration.messageTimeout
        fail(WebSocketViolation(code: .policyViolation, reason: "a message took longer than \(limit)"))
    }

    // MARK: Signs of life

    /// The peer lives.
    func noteSign() {
        lastSign = context.loop.now
        guard isAwaitingSign else { return }
        isAwaitingSign = false
        if phase == .open, let interval = configuration.pingInterval { timer?.arm(after: interval) }
    }

    func timerFired() {
        guard phase == .open else { return finishAbnormally("the peer does not answer the close frame") }
        guard let interval = configuration.pingInterval else { return }
        let now = context.loop.now
        let limit = isAwaitingSign ? configuration.pongTimeout : interval
        let due = lastSign + limit
        if isReadingPaused {
            // Nothing can be heard, so nothing can be concluded.
            timer?.arm(after: interval)
        } else if now < due {
            timer?.arm(at: due)
        } else if isAwaitingSign {
            finishAbnormally("the peer does not answer pings", wasLocal: true)
        } else {
            isAwaitingSign = true
            lastSign = now
            ping()
            timer?.arm(after: configuration.pongTimeout)
        }
    }
}

extension WebSocketConnection: ByteStreamDelegate {
    package func streamReceived(_ bytes: inout MutableRawSpan) {
        guard takesMessages else { return }
        noteSign()
        if !hasOpened { open() }
        var taken = 0
        if backlog.isEmpty { taken = receiver.receive(&bytes, atMost: Self.maximumFramesAtOnce, to: self) }
        followMessage()
        guard taken < bytes.byteCount, takesMessages else { return }
        backlog.append(copying: bytes.bytes.extracting(taken..<bytes.byteCount))
        followReading()
        backlogWork?.request()
    }

    package func streamSecured() {}

    package func streamEnded(_ failure: ByteStreamFailure?) {
        // What the peer has said before still counts.
        if takesMessages, !backlog.isEmpty {
            endBehindBacklog = .some(failure)
            return
        }
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

extension WebSocketConnection: MessageReceiverDelegate {
    package func received(message: RawSpan, isText: Bool) {
        guard isOpen, let handler else { return }
        statistics.receivedMessages += 1
        statistics.receivedBytes += message.byteCount
        if isText {
            handler.webSocket(self, receivedText: message)
        } else {
            handler.webSocket(self, receivedBinary: message)
        }
    }

    package func skipped(messageOf byteCount: Int) {
        guard isOpen else { return }
        handler?.webSocket(self, skippedMessageOf: byteCount)
    }

    package func received(ping payload: RawSpan) {
        guard phase == .open else { return }
        // Only the latest ping needs an answer (RFC 6455 section 5.5.3), so a flood of them costs no memory.
        pendingPong = [UInt8](copying: payload)
        hook?.request()
    }

    package func received(pong payload: RawSpan) {
        guard isOpen else { return }
        handler?.webSocket(self, receivedPong: payload)
    }

    package func received(close code: WebSocketCloseCode, reason: String) {
        switch phase {
        case .open:
            closure = WebSocketClosure(code: code, reason: reason, wasClean: true, wasLocal: false)
            // The peer reads nothing any more, so nothing but the answer is worth sending.
            dropQueue()
            closeFrame = makeCloseFrame(code, "")
            phase = .answering
            timer?.arm(after: configuration.closeTimeout)
            hook?.request()
        case .closing:
            let began = closure ?? WebSocketClosure(code: code, reason: reason, wasClean: true, wasLocal: true)
            closure = WebSocketClosure(code: began.code, reason: began.reason, wasClean: true, wasLocal: true)
            dropQueue()
            phase = .answering
            hook?.request()
        case .answering, .failing, .closed:
            break
        }
    }

    package func violated(_ violation: WebSocketViolation) { fail(violation) }
}
