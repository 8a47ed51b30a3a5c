internal import HTTP
internal import WebSocket
internal import Wire

/// HTTP/1.1 and WebSocket. The pieces in which bytes come must not matter.
enum HTTPTargets {
    static func request(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let pieces = input.pieces()
        let whole = requests([pieces.flatMap { $0 }])
        let split = requests(pieces)
        check(whole.requests == split.requests, "pieces hold other requests than the whole")
        check(whole.failure == split.failure, "pieces of a request are judged unlike the whole")
        for request in whole.requests { _ = WebSocketHandshake.complaint(about: request) }
    }

    /// What has come so far is judged as what comes later is.
    static func proxyHeader(_ input: [UInt8]) {
        let whole = proxyHeaders(input)
        for count in 0..<min(input.count, 80) {
            switch (proxyHeaders(Array(input.prefix(count))), whole) {
            case (.success(nil), _), (.failure, .failure): break
            case (.success(let early?), .success(let late?)):
                check(early == late, "what comes behind a header changes it")
            case (.success, _), (.failure, _): fatalError("a header is judged unlike its beginning")
            }
        }
        if case .success(let length?) = whole {
            check(length <= min(input.count, ProxyHeader.maximumBytes), "a header is longer than it may be")
        }
    }

    /// How long the header is; nil when more has to come.
    private static func proxyHeaders(_ bytes: [UInt8]) -> Result<Int?, ProxyHeader.Failure> {
        do throws(ProxyHeader.Failure) {
            return .success(try ProxyHeader.read(bytes)?.length)
        } catch {
            return .failure(error)
        }
    }

    private static func requests(_ pieces: [[UInt8]]) -> (requests: [HTTPRequest], failure: HTTPRequestError?) {
        var parser = HTTPRequestParser(maximumHeadBytes: 65_536, maximumBodyBytes: 10_000)
        var requests: [HTTPRequest] = []
        for piece in pieces {
            parser.receive(piece.span.bytes)
            do throws(HTTPRequestError) {
                while let event = try parser.poll() {
                    if case .request(let request) = event { requests.append(request) }
                }
            } catch {
                return (requests, error)
            }
        }
        return (requests, nil)
    }

    static func handshake(_ input: [UInt8]) {
        var input = FuzzInput(input)
        // The key of RFC 6455's example, so that its answer can be in the corpus.
        var parser = HandshakeResponseParser(key: "dGhlIHNhbXBsZSBub25jZQ==")
        do {
            for piece in input.pieces() where try parser.receive(piece.span.bytes) != nil { return }
            _ = parser.finish()
        } catch {}
    }

    static func frames(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let role: MessageReceiver.Role = input.byte() & 1 == 0 ? .server : .client
        let pieces = input.pieces()
        let whole = messages([pieces.flatMap { $0 }], role)
        let split = messages(pieces, role)
        check(whole == split, "pieces of frames hold other messages than the whole")
    }

    private static func messages(_ pieces: [[UInt8]], _ role: MessageReceiver.Role) -> [String] {
        let receiver = MessageReceiver(role: role, maximumMessageBytes: 5000)
        let log = ReceivedMessages()
        for piece in pieces {
            var piece = piece
            piece.withMutableBytes { receiver.receive(&$0, to: log) }
        }
        return log.events
    }
}

/// Writes down what came in.
private final class ReceivedMessages: MessageReceiverDelegate {
    private(set) var events: [String] = []

    func received(message: RawSpan, isText: Bool) {
        check(message.byteCount <= 5000, "a message is larger than allowed")
        let bytes = [UInt8](copying: message)
        if isText { check(String(validating: bytes, as: UTF8.self) != nil, "a text is not UTF-8") }
        events.append("\(isText ? "text" : "binary") \(bytes)")
    }
    func received(ping: RawSpan) { events.append("ping \([UInt8](copying: ping))") }
    func received(pong: RawSpan) { events.append("pong \([UInt8](copying: pong))") }
    func received(close code: WebSocketCloseCode, reason: String) { events.append("close \(code.rawValue) \(reason)") }
    func violated(_ violation: WebSocketViolation) { events.append("violation \(violation.code.rawValue)") }
}
