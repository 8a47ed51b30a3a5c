/// Who answers the requests of an `HTTPServer`. Calls come on the loop; answers may come later.
package protocol HTTPHandler: AnyObject {
    /// How large the body of this request may be, whose head has been read: known clients may be allowed more. Never more
    /// than the server's own limit.
    func maximumBodyBytes(for request: HTTPRequest) -> Int
    /// A whole request, body included.
    func handle(_ request: HTTPRequest, _ responder: HTTPResponder)
    /// A request for the WebSocket protocol whose handshake is in order; nothing has been answered yet.
    func handleUpgrade(_ request: HTTPRequest, _ upgrade: WebSocketUpgrade)
    /// What is answered to bytes that are no usable request; the connection closes afterwards.
    ///
    /// - Parameter request: nil unless its head could be read.
    func response(to error: HTTPRequestError, in request: HTTPRequest?) -> HTTPResponse
    /// A connection was refused before anything of it was read.
    func refusedConnection(_ reason: HTTPServer.RefusalReason)
}

extension HTTPHandler {
    package func maximumBodyBytes(for request: HTTPRequest) -> Int { .max }

    package func refusedConnection(_ reason: HTTPServer.RefusalReason) {}

    package func response(to error: HTTPRequestError, in request: HTTPRequest?) -> HTTPResponse { error.response }

    package func handleUpgrade(_ request: HTTPRequest, _ upgrade: WebSocketUpgrade) {
        upgrade.reject(.text(404, "There is no WebSocket here.\n"))
    }
}

/// Answers one request, once. Let go of unanswered, it answers 500 itself, so that no client waits for ever.
///
/// Belongs to the loop's thread.
package final class HTTPResponder {
    private weak var connection: HTTPConnection?
    private let exchange: Int
    package private(set) var isAnswered = false

    init(_ connection: HTTPConnection, exchange: Int) {
        self.connection = connection
        self.exchange = exchange
    }

    deinit {
        if !isAnswered { connection?.answer(.text(500, "The request was not answered.\n"), to: exchange) }
    }

    /// Whether the client is still there.
    package var isConnected: Bool { connection?.isHandling(exchange) ?? false }

    /// Sends the answer. Only the first counts.
    package func respond(_ response: HTTPResponse) {
        guard !isAnswered else { return }
        isAnswered = true
        connection?.answer(response, to: exchange)
    }
}

/// Decides about one request for the WebSocket protocol, once, now or later. Let go of undecided, it answers 500.
///
/// Belongs to the loop's thread.
package final class WebSocketUpgrade {
    private weak var connection: HTTPConnection?
    private let exchange: Int
    package private(set) var isDecided = false
    /// Subprotocols that the client offers, best first (RFC 6455 section 11.3.4).
    package let offeredProtocols: [String]

    init(_ connection: HTTPConnection, exchange: Int, offeredProtocols: [String]) {
        self.connection = connection
        self.exchange = exchange
        self.offeredProtocols = offeredProtocols
    }

    deinit {
        if !isDecided { connection?.reject(.text(500, "The request was not answered.\n"), exchange) }
    }

    /// Whether the client is still there.
    package var isConnected: Bool { connection?.isHandling(exchange) ?? false }

    /// Answers 101. The connection is open at once; `webSocketOpened` comes at the end of the iteration, messages after it.
    ///
    /// - Parameters:
    ///   - configuration: nil for the server's.
    ///   - subprotocol: one of `offeredProtocols`, or none.
    ///   - headers: more fields for the answer.
    /// - Returns: nil when the client has gone, or a decision was made before; the handler is not called then.
    @discardableResult
    package func accept(
        _ handler: any WebSocketHandler, configuration: WebSocketConfiguration? = nil, subprotocol: String? = nil,
        headers: HTTPHeaders = HTTPHeaders()
    ) -> WebSocketConnection? {
        guard !isDecided else { return nil }
        isDecided = true
        let agreed = subprotocol.flatMap { offeredProtocols.contains($0) ? $0 : nil }
        return connection?.accept(
            handler, exchange, configuration: configuration, subprotocol: agreed, headers: headers)
    }

    /// Leaves the decision to the server of another loop, which takes the connection by `HTTPServer.adopt`. Not within
    /// `handleUpgrade`: the connection's bytes are being read then.
    ///
    /// - Returns: nil when the connection cannot move; the request then still waits for a decision.
    package func handOver() -> HandedOverConnection? {
        guard !isDecided, let handedOver = connection?.handOver(exchange) else { return nil }
        isDecided = true
        return handedOver
    }

    /// Answers with an HTTP status instead. The connection closes afterwards.
    package func reject(_ response: HTTPResponse) {
        guard !isDecided else { return }
        isDecided = true
        connection?.reject(response, exchange)
    }
}
