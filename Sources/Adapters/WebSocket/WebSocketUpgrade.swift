package import HTTP
package import HTTPServer

/// A request for the WebSocket protocol whose handshake is in order (RFC 6455 section 4.2.1), to be decided about once, now
/// or later. Let go of undecided, it answers 500.
///
/// Belongs to the loop's thread.
package final class WebSocketUpgrade {
    private let upgrade: HTTPUpgrade
    private let context: WebSocketContext
    private let key: String
    /// Subprotocols that the client offers, best first (RFC 6455 section 11.3.4).
    package let offeredProtocols: [String]

    /// - Returns: nil when the handshake is wrong, which is answered with what is wrong.
    package init?(_ upgrade: HTTPUpgrade, of request: HTTPRequest, context: WebSocketContext) {
        if let complaint = WebSocketHandshake.complaint(about: request) {
            upgrade.reject(complaint)
            return nil
        }
        self.upgrade = upgrade
        self.context = context
        key = request.headers["Sec-WebSocket-Key"] ?? ""
        offeredProtocols = request.headers.list("Sec-WebSocket-Protocol").map(String.init)
    }

    package var isDecided: Bool { upgrade.isDecided }

    /// Whether the client is still there.
    package var isConnected: Bool { upgrade.isConnected }

    /// Answers 101. The connection is open at once; `webSocketOpened` comes at the end of the iteration, messages after it.
    ///
    /// - Parameters:
    ///   - configuration: nil for the context's.
    ///   - subprotocol: one of `offeredProtocols`, or none.
    ///   - headers: more fields for the answer; those of the handshake itself cannot be replaced.
    /// - Returns: nil when the client has gone, or a decision was made before; the handler is not called then.
    @discardableResult
    package func accept(
        _ handler: any WebSocketHandler, configuration: WebSocketConfiguration? = nil, subprotocol: String? = nil,
        headers: HTTPHeaders = [:]
    ) -> WebSocketConnection? {
        var fields = headers
        for name in ["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"] { fields.remove(name) }
        fields.add("Upgrade", "websocket")
        fields.add("Connection", "Upgrade")
        fields.add("Sec-WebSocket-Accept", WebSocketHandshake.accept(for: key))
        if let subprotocol, offeredProtocols.contains(subprotocol) { fields.add("Sec-WebSocket-Protocol", subprotocol) }
        var socket: WebSocketConnection?
        upgrade.accept(headers: fields) { [context] stream, early in
            let made = WebSocketConnection(
                context: context, stream: stream, role: .server, early: early,
                configuration: configuration ?? context.serverConfiguration, handler: handler)
            socket = made
            return made
        }
        return socket
    }

    /// Leaves the decision to the server of another loop; see `HTTPUpgrade.handOver`.
    package func handOver() -> HandedOverConnection? { upgrade.handOver() }

    /// Answers with an HTTP status instead. The connection closes afterwards.
    package func reject(_ response: HTTPResponse) { upgrade.reject(response) }
}

extension WebSocketConnection: UpgradedConnection {}
