package import HTTP

/// Who answers the requests of an `HTTPServer`. Calls come on the loop; answers may come later.
package protocol HTTPHandler: AnyObject {
    /// How large the body of this request may be, whose head has been read: known clients may be allowed more. Never more
    /// than the server's own limit.
    func maximumBodyBytes(for request: HTTPRequest) -> Int
    /// A whole request, body included.
    func handle(_ request: HTTPRequest, _ responder: HTTPResponder)
    /// A request for the WebSocket protocol; nothing of its handshake has been checked, and nothing has been answered.
    func handleUpgrade(_ request: HTTPRequest, _ upgrade: HTTPUpgrade)
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

    package func handleUpgrade(_ request: HTTPRequest, _ upgrade: HTTPUpgrade) {
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
