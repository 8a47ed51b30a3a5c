internal import EventLoops
internal import SecureTransport
internal import Wire

extension WebSocketConnection {
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
            finishAbnormally("the peer does not answer pings")
        } else {
            isAwaitingSign = true
            lastSign = now
            ping()
            timer?.arm(after: configuration.pongTimeout)
        }
    }
}

extension WebSocketConnection: ByteStreamDelegate {
    func streamReceived(_ bytes: UnsafeMutableRawBufferPointer) {
        guard phase == .open || phase == .closing else { return }
        noteSign()
        if !hasOpened { open() }
        receiver.receive(bytes, to: self)
    }

    func streamSecured() {}

    func streamEnded(_ failure: ByteStreamFailure?) {
        let reason =
            switch failure {
            case nil: "the connection ended without a close frame"
            case .network(let error): error.description
            case .tls(let error): error.description
            }
        finishAbnormally(reason)
    }

    func streamDrained() { flush() }
}

extension WebSocketConnection: MessageReceiverDelegate {
    package func received(message: UnsafeRawBufferPointer, isText: Bool) {
        guard isOpen, let handler else { return }
        statistics.receivedMessages += 1
        statistics.receivedBytes += message.count
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

    package func received(ping payload: UnsafeRawBufferPointer) {
        guard phase == .open else { return }
        // Only the latest ping needs an answer (RFC 6455 section 5.5.3), so a flood of them costs no memory.
        pendingPong = [UInt8](payload)
        hook?.request()
    }

    package func received(pong payload: UnsafeRawBufferPointer) {
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
