internal import EventLoops
internal import HTTP
internal import Wire

/// One HTTP/1.1 connection that is open: serves one call after the other.
final class HTTP1Connection: HTTPCarrier {
    /// What the connection tells the pool that owns it. Each may close the connection or give it another call.
    protocol Owner: AnyObject {
        /// The call is answered and taken off; the connection takes another one when `isReusable`.
        func connection(_ connection: HTTP1Connection, answered call: HTTPCall, with response: HTTPResponse)
        /// The connection is closed. Its call, if it had one that somebody waits for, got no answer.
        func connection(_ connection: HTTP1Connection, ended error: HTTPClientError, call: HTTPCall?)
    }

    private(set) var call: HTTPCall?
    /// Whether it has answered a call before: only then can it be stale.
    private(set) var hasServed = false
    private(set) var isReusable = true

    private let loop: EventLoop
    private let transport: HTTPTransport
    private let maximumBodyBytes: Int
    private weak var owner: (any Owner)?
    private var parser: HTTPResponseParser?
    private var idleTimer: LoopTimer?
    private var isClosed = false

    /// - Parameter transport: open; the connection's from now on.
    init(loop: EventLoop, transport: HTTPTransport, maximumBodyBytes: Int, owner: any Owner) {
        self.loop = loop
        self.transport = transport
        self.maximumBodyBytes = maximumBodyBytes
        self.owner = owner
        transport.onBytes = { [weak self] in self?.received($0) }
        transport.onEnd = { [weak self] in self?.streamEnded(isWhole: $0) }
    }

    private var origin: HTTPOrigin { transport.origin }

    // MARK: Serving

    /// Gives the connection its next call.
    func serve(_ call: HTTPCall) {
        self.call = call
        call.carrier = self
        idleTimer?.cancel()
        isReusable = false
        parser = HTTPResponseParser(isHead: call.request.method == .head, maximumBodyBytes: maximumBodyBytes)
        transport.write(call.request.serialized)
    }

    /// Waits for the next call, for so long.
    func idle(for duration: Duration) {
        let timer = idleTimer ?? LoopTimer(loop: loop) { [unowned self] in end(.disconnected(origin)) }
        timer.arm(after: duration)
        idleTimer = timer
    }

    /// Takes in what an idle connection has been sent, which can only be its end.
    func readArrived() { transport.readArrived() }

    private func received(_ bytes: RawSpan) {
        guard var parser, call != nil else {
            // There is no call: the server is about to close, or out of step.
            return end(.malformedResponse(origin, reason: "an answer that nobody asked for"))
        }
        self.parser = nil
        do throws(HTTPResponseParser.Failure) {
            try parser.receive(bytes)
        } catch {
            self.parser = parser
            return end(describe(error))
        }
        self.parser = parser
        if let response = parser.completed { answered(response, parser) }
    }

    private func streamEnded(isWhole: Bool) {
        // An answer that ends with the stream may be cut short if TLS was not closed in order.
        guard isWhole, var parser, call != nil else { return end(.disconnected(origin)) }
        do throws(HTTPResponseParser.Failure) {
            try parser.receiveEnd()
        } catch {
            return end(describe(error))
        }
        if let response = parser.completed { answered(response, parser) }
    }

    private func answered(_ response: HTTPResponse, _ parser: HTTPResponseParser) {
        guard let call else { return }
        self.call = nil
        self.parser = nil
        hasServed = true
        isReusable = parser.keepsAlive && !parser.hasExcess && !isClosed
        owner?.connection(self, answered: call, with: response)
    }

    private func describe(_ failure: HTTPResponseParser.Failure) -> HTTPClientError {
        switch failure {
        case .malformed(let reason): .malformedResponse(origin, reason: reason)
        case .tooLarge(let bytes): .responseTooLarge(origin, maximumBytes: bytes)
        case .truncated: .disconnected(origin)
        }
    }

    // MARK: Ending

    /// Whether the call that is being served has had any answer.
    var hasAnswerBegun: Bool { parser?.hasStarted ?? false }

    /// A connection in the middle of an answer is of no more use.
    func drop(_ call: HTTPCall) {
        guard self.call === call else { return }
        self.call = nil
        end(.cancelled)
    }

    private func end(_ error: HTTPClientError) {
        guard !isClosed else { return }
        let call = call
        let owner = owner
        closeQuietly()
        owner?.connection(self, ended: error, call: call)
    }

    /// Closes without a word to the owner.
    func closeQuietly() {
        guard !isClosed else { return }
        isClosed = true
        isReusable = false
        idleTimer?.cancel()
        transport.close()
        call = nil
        owner = nil
    }
}
