internal import Observability
internal import Signalling
internal import WebSocket
internal import Wire

/// The receiver of a signalling connection's messages.
protocol SignalSessionOwner: AnyObject {
    func signal(_ session: SignalSession, received message: SignalRequest.Message)
    func signalClosed(_ session: SignalSession)
}

/// One signalling WebSocket: protobuf in binary frames, or protobuf's JSON in text frames for clients that begin so.
final class SignalSession {
    /// The longest message of a client.
    static let maximumMessageBytes = 2 << 20

    weak var owner: (any SignalSessionOwner)?
    private var socket: WebSocketConnection?
    private var usesJSON = false
    /// What was sent before the WebSocket was there.
    private var early: [SignalResponse.Message] = []
    private var isEnding = false
    private let log: Log

    static var configuration: WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = maximumMessageBytes
        configuration.pingInterval = .seconds(10)
        return configuration
    }

    init(log: Log) { self.log = log }

    /// Takes over the WebSocket that was accepted for this session; nil when the client has gone meanwhile.
    func opened(_ socket: WebSocketConnection?) {
        guard let socket else {
            owner?.signalClosed(self)
            return
        }
        self.socket = socket
        let messages = early
        early = []
        for message in messages { send(message) }
        if isEnding { socket.close() }
    }

    func send(_ message: SignalResponse.Message) {
        guard let socket else {
            if !isEnding { early.append(message) }
            return
        }
        let response = SignalResponse.with { $0.message = message }
        if usesJSON {
            socket.send(text: response.json(.compact).serialized())
        } else {
            socket.send(binary: response.encoded(), .required)
        }
    }

    /// Closes after what was sent.
    func close() {
        isEnding = true
        owner = nil
        socket?.close(.normal)
    }

    /// Closes the connection: LiveKit's own server does not listen on after a message that it cannot read either.
    private func malformed(_ form: String) {
        log.warning("malformed signal message", ["form": form])
        socket?.close(.normal)
    }

    private func received(_ request: SignalRequest?) {
        guard let message = request?.message else {
            log.debug("unknown signal message ignored")
            return
        }
        owner?.signal(self, received: message)
    }
}

extension SignalSession: WebSocketHandler {
    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
        usesJSON = true
        guard let json = try? JSONValue(parsing: [UInt8](copying: text)), let request = try? SignalRequest(json: json)
        else {
            return malformed("JSON")
        }
        received(request)
    }

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
        usesJSON = false
        guard let request = try? SignalRequest(decoding: [UInt8](copying: bytes)) else {
            return malformed("protobuf")
        }
        received(request)
    }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        self.socket = nil
        isEnding = true
        owner?.signalClosed(self)
    }
}
