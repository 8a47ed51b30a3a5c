internal import EventLoops
internal import HTTP
internal import Wire

/// An open HTTP/2 connection. It serves many calls at a time, and goes on when one of them is given up.
final class HTTP2Connection: HTTPCarrier {
    /// What the connection tells the pool that owns it. Each may close the connection or give it other calls.
    protocol Owner: AnyObject {
        /// The call is answered and taken off.
        func connection(_ connection: HTTP2Connection, answered call: HTTPCall, with response: HTTPResponse)
        /// The call is taken off without an answer; the connection goes on.
        func connection(_ connection: HTTP2Connection, failed call: HTTPCall, _ error: HTTPClientError)
        /// The call is taken off, and the server has surely not looked at it.
        func connection(_ connection: HTTP2Connection, refused call: HTTPCall, needsHTTP1: Bool)
        /// It may have room now, or it takes no new calls any more.
        func connectionChanged(_ connection: HTTP2Connection)
        /// The connection is closed. Whether the server has acted on its calls is not known.
        func connection(_ connection: HTTP2Connection, ended error: HTTPClientError, lost calls: [LostCall])
    }

    /// A call whose connection has ended.
    struct LostCall {
        let call: HTTPCall
        /// Whether something of its answer had come.
        let hasAnswerBegun: Bool
    }

    /// Bytes that wait in the socket's queue. What is beyond stays in the session, where flow control counts it.
    static let maximumQueuedBytes = 256 << 10
    private static let pieceBytes = 64 << 10

    /// Whether it has answered a call before: only then can it be stale.
    private(set) var hasServed = false
    private(set) var isGoingAway = false

    private let loop: EventLoop
    private let transport: HTTPTransport
    private let session: HTTP2Session
    private let limits: HTTPClient.Limits
    private weak var owner: (any Owner)?
    private var calls: [Int32: HTTPCall] = [:]
    private var streams: [ObjectIdentifier: Int32] = [:]
    private var timer: LoopTimer?
    private var lastHeard: Instant
    private var idleSince: Instant
    private var pingSince: Instant?
    private var isReceiving = false
    private var isClosed = false

    /// Fails when there is no memory.
    ///
    /// - Parameter transport: open; it belongs to the connection from now on.
    init?(loop: EventLoop, transport: HTTPTransport, limits: HTTPClient.Limits, owner: any Owner) {
        guard let session = HTTP2Session(maximumBodyBytes: limits.bodyBytes) else { return nil }
        self.loop = loop
        self.transport = transport
        self.session = session
        self.limits = limits
        self.owner = owner
        lastHeard = loop.now
        idleSince = loop.now
        transport.onBytes = { [weak self] in self?.received($0) }
        transport.onEnd = { [weak self] _ in self?.streamEnded() }
        transport.onDrain = { [weak self] in self?.flush() }
        timer = LoopTimer(loop: loop) { [unowned self] in handleTimeout() }
        // The preface goes with the first call.
        follow()
    }

    private var origin: HTTPOrigin { transport.origin }

    // MARK: Serving

    var isIdle: Bool { calls.isEmpty }

    var openCalls: [HTTPCall] { Array(calls.values) }

    /// How many more calls it takes now.
    var room: Int { isClosed || isGoingAway ? 0 : session.room(limit: limits.streamsPerConnection) }

    /// Sends the client's preface, unless the first call has done so.
    func start() { flush() }

    /// Reads what has arrived, so that no call is sent on a connection which the server has ended.
    func readArrived() {
        if calls.isEmpty, !isReceiving { transport.readArrived() }
    }

    /// Sends a call; false when the connection turns out to take none.
    func serve(_ call: HTTPCall) -> Bool {
        guard let stream = session.submit(call.request) else { return false }
        calls[stream] = call
        streams[ObjectIdentifier(call)] = stream
        call.carrier = self
        // A connection may be dead without a sign. A ping finds that out sooner than the timeout of the call.
        if pingSince == nil, loop.now - lastHeard >= limits.silenceBeforeCall { ping() }
        flush()
        follow()
        return true
    }

    /// Resets the stream of the call; all others go on.
    func drop(_ call: HTTPCall) {
        guard let stream = streams[ObjectIdentifier(call)] else { return }
        _ = take(stream)
        session.cancel(stream)
        flush()
        follow()
        owner?.connectionChanged(self)
    }

    private func take(_ stream: Int32) -> HTTPCall? {
        guard let call = calls.removeValue(forKey: stream) else { return nil }
        streams[ObjectIdentifier(call)] = nil
        call.carrier = nil
        if calls.isEmpty { idleSince = loop.now }
        return call
    }

    private func received(_ bytes: RawSpan) {
        lastHeard = loop.now
        pingSince = nil
        isReceiving = true
        session.receive(bytes)
        handleEvents()
        isReceiving = false
        flush()
        // Writing has brought about events as well, for example for calls that cannot be sent any more.
        handleEvents()
        guard !isClosed else { return }
        follow()
        owner?.connectionChanged(self)
    }

    private func handleEvents() {
        while !isClosed, let event = session.poll() {
            switch event {
            case .answered(let stream, let response):
                hasServed = true
                if let call = take(stream) { owner?.connection(self, answered: call, with: response) }
            case .failed(let stream, let failure):
                if let call = take(stream) { report(failure, of: call) }
            case .goingAway:
                isGoingAway = true
                owner?.connectionChanged(self)
            }
        }
    }

    private func report(_ failure: HTTP2Session.StreamFailure, of call: HTTPCall) {
        switch failure {
        case .refused: owner?.connection(self, refused: call, needsHTTP1: false)
        case .needsHTTP1: owner?.connection(self, refused: call, needsHTTP1: true)
        case .reset: owner?.connection(self, failed: call, .disconnected(origin))
        case .malformed(let reason):
            owner?.connection(self, failed: call, .malformedResponse(origin, reason: reason))
        case .tooLarge(let bytes):
            owner?.connection(self, failed: call, .responseTooLarge(origin, maximumBytes: bytes))
        }
    }

    /// Sends what is ready, and ends the connection if the server has broken the protocol.
    private func flush() {
        transmit()
        if let violation = session.violation { end(.malformedResponse(origin, reason: violation)) }
    }

    private func transmit() {
        while transport.queuedBytes < Self.maximumQueuedBytes {
            let bytes = session.takeBytes(atMost: Self.pieceBytes)
            guard !bytes.isEmpty else { return }
            transport.write(bytes)
        }
    }

    // MARK: Time

    private func ping() {
        session.ping()
        pingSince = loop.now
    }

    private func follow() {
        guard !isClosed else { return }
        var deadline = pingSince.map { $0 + limits.pingTimeout } ?? (lastHeard + limits.pingInterval)
        if calls.isEmpty { deadline = min(deadline, idleSince + limits.sharedIdleTime) }
        timer?.arm(at: deadline)
    }

    private func handleTimeout() {
        if calls.isEmpty, loop.now >= idleSince + limits.sharedIdleTime { return end(.disconnected(origin)) }
        if let pingSince {
            if loop.now >= pingSince + limits.pingTimeout { return end(.disconnected(origin)) }
        } else if loop.now >= lastHeard + limits.pingInterval {
            ping()
            flush()
        }
        follow()
    }

    // MARK: Ending

    private func streamEnded() { end(.disconnected(origin)) }

    private func end(_ error: HTTPClientError) {
        guard !isClosed else { return }
        let unsent = calls.filter { !session.isSent($0.key) }.map(\.value)
        let lost = calls.sorted { $0.key < $1.key }.filter { session.isSent($0.key) }.map { stream, call in
            LostCall(call: call, hasAnswerBegun: session.hasAnswerBegun(stream))
        }
        let owner = owner
        closeQuietly()
        for call in unsent { owner?.connection(self, refused: call, needsHTTP1: false) }
        owner?.connection(self, ended: error, lost: lost)
    }

    /// Closes without a word to the owner.
    func closeQuietly() {
        guard !isClosed else { return }
        isClosed = true
        session.close()
        transmit()
        timer?.cancel()
        transport.close()
        for call in calls.values { call.carrier = nil }
        calls = [:]
        streams = [:]
        owner = nil
    }
}
