internal import EventLoops
internal import HTTP
internal import Observability
internal import Signalling
internal import WebSocket
internal import Wire

/// Takes what one signalling connection brings.
protocol SignalConnectionDelegate: AnyObject {
    func signalOpened(_ signal: SignalConnection)
    func signal(_ signal: SignalConnection, received message: SignalResponse.Message)
    /// Over; the last call. Nil when the socket had been open and was just closed.
    func signalEnded(_ signal: SignalConnection, _ error: ParticipantError?)
}

/// Which of LiveKit's two signalling paths is used.
enum SignalPath: Hashable, Sendable {
    /// `/rtc/v1`: one peer connection, the client always offers.
    case single
    /// `/rtc`: one peer connection for each direction.
    case dual
}

/// One signalling WebSocket: opened over `/rtc/v1` or, on 404, `/rtc`; messages both ways; pings. Pure transport: what
/// the messages mean is the participant's business.
final class SignalConnection: WebSocketHandler {
    /// Bytes of one message from the server: a room with thousands of participants.
    static let maximumMessageBytes = 16 << 20

    private(set) var path: SignalPath
    /// Whether the server took the connection, whatever came of it.
    private(set) var hasOpened = false
    private let context: WebSocketContext
    private let configuration: ParticipantConfiguration
    private let request: JoinRequest
    private let mayFallBack: Bool
    private let log: Log
    private weak var delegate: (any SignalConnectionDelegate)?
    private var client: WebSocketClient?
    private var socket: WebSocketConnection?
    private var keepAlive: SignalKeepAlive?
    private var timer: LoopTimer?
    private var isOver = false

    /// - Parameter resuming: the participant's SID in the session to resume; nil for a new one.
    init(
        context: WebSocketContext, configuration: ParticipantConfiguration, resuming sid: String?, path: SignalPath,
        log: Log, delegate: any SignalConnectionDelegate
    ) {
        self.context = context
        self.configuration = configuration
        request = configuration.joinRequest(resuming: sid)
        // The server that knows the session knows its path.
        mayFallBack = sid == nil
        self.path = path
        self.log = log
        self.delegate = delegate
    }

    /// Where the server is, once connected.
    var remoteAddress: TransportAddress? { socket?.remoteAddress }

    // MARK: Opening

    func open() {
        let target = path == .single ? JoinParameters.pathV1(request) : JoinParameters.pathV0(request)
        var client = WebSocketClient.Configuration()
        client.connectTimeout = configuration.connectTimeout
        client.headers.add("Authorization", "Bearer \(configuration.token)")
        client.webSocket.maximumMessageBytes = Self.maximumMessageBytes
        // LiveKit's own pings tell more, and servers need not answer ours.
        client.webSocket.pingInterval = nil
        client.webSocket.closeTimeout = .seconds(2)
        self.client = WebSocketClient.connect(
            to: configuration.server.appending(target), context: context, configuration: client, handler: self
        ) { [weak self] result in
            self?.finishOpening(result)
        }
    }

    private func finishOpening(_ result: Result<WebSocketConnection, WebSocketConnectError>) {
        client = nil
        switch result {
        case .success(let socket):
            guard !isOver else { return socket.terminate() }
            self.socket = socket
        case .failure(let error):
            let meaning = ParticipantError(error)
            if meaning.kind == .notLiveKit, Self.mayBeOlder(error), path == .single, mayFallBack, !isOver {
                log.debug("no single peer connection at this server")
                path = .dual
                return open()
            }
            end(meaning)
        }
    }

    /// Whether the answer may be that of a server that does not know the newer path.
    private static func mayBeOlder(_ error: WebSocketConnectError) -> Bool {
        switch error {
        case .rejected(404, _, _), .invalidHandshake: true
        default: false
        }
    }

    func webSocketOpened(_ socket: WebSocketConnection) {
        guard !isOver else { return }
        hasOpened = true
        delegate?.signalOpened(self)
    }

    // MARK: Messages

    /// Sends one message; false when the socket is not open.
    @discardableResult
    func send(_ message: SignalRequest.Message) -> Bool {
        guard let socket, !isOver else { return false }
        return socket.send(binary: SignalRequest.with { $0.message = message }.encoded(), .required)
    }

    /// Says that we leave, and why.
    func sendLeave(_ reason: DisconnectReason) {
        send(
            .leave(
                .with {
                    $0.reason = reason
                    $0.action = .disconnect
                }))
    }

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
        guard !isOver else { return }
        keepAlive?.received(now: context.loop.now)
        let response: SignalResponse
        do {
            response = try SignalResponse(decoding: [UInt8](copying: bytes))
        } catch {
            log.warning("signal message cannot be read", ["error": "\(error)", "bytes": bytes.byteCount])
            return
        }
        if case .pongResp(let pong) = response.message {
            keepAlive?.received(pong, unixTime: UnixClock.milliseconds())
        }
        if let message = response.message { delegate?.signal(self, received: message) }
    }

    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
        log.warning("signal message in text is not understood", ["bytes": text.byteCount])
    }

    // MARK: Pings

    /// Starts to ping; both in seconds, from the join response.
    func startPings(interval: Int32, timeout: Int32) {
        keepAlive = SignalKeepAlive(interval: interval, timeout: timeout, now: context.loop.now)
        if timer == nil { timer = LoopTimer(loop: context.loop) { [weak self] in self?.keepAlivePoll() } }
        keepAlivePoll()
    }

    private func keepAlivePoll() {
        guard !isOver else { return }
        while let output = keepAlive?.poll(now: context.loop.now, unixTime: UnixClock.milliseconds()) {
            switch output {
            case .sendPing(let ping): send(.pingReq(ping))
            case .connectionLost:
                log.warning("signal connection fell silent")
                return end(nil)
            }
        }
        timer?.follow(keepAlive?.nextDeadline)
    }

    // MARK: The end

    /// Closes after what was sent; the delegate hears nothing more.
    func close() {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        client?.cancel()
        client = nil
        socket?.close(.normal)
        socket = nil
    }

    private func end(_ error: ParticipantError?) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        socket?.terminate()
        socket = nil
        delegate?.signalEnded(self, error)
    }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        guard !isOver else { return }
        log.debug("signal connection closed", ["code": closure.code.rawValue, "reason": closure.reason])
        self.socket = nil
        end(nil)
    }
}
