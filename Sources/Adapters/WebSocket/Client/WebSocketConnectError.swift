package import EventLoops
package import HTTP
package import SecureTransport

/// Why a WebSocket client did not get its connection.
package enum WebSocketConnectError: Error, Hashable, Sendable {
    /// No address, no route, nobody there, or the connection broke before the answer was complete.
    case network(EventLoopError)
    /// The proxy leads nowhere.
    case proxy(HTTPProxy, HTTPProxy.Failure)
    /// TLS failed: certificate or protocol.
    case tls(TLSFailure)
    /// This machine cannot do TLS.
    case setUp(SecureTransportError)
    /// The server answered with HTTP instead of the WebSocket protocol.
    ///
    /// `body` is the beginning of its answer, for messages to people; it may be empty.
    case rejected(status: Int, reason: String, body: String)
    /// What the server answered is not a valid opening handshake.
    case invalidHandshake(String)
    /// The time that was allowed is over.
    case timedOut
}

extension WebSocketConnectError: CustomStringConvertible {
    /// What happened, without addresses and without the server's words.
    package var summary: String {
        switch self {
        case .network(let error): error.summary
        case .proxy(_, let failure): "the proxy leads nowhere: \(failure)"
        case .tls(let failure): failure.summary
        case .setUp: "TLS cannot be set up"
        case .rejected(let status, _, _): "HTTP status \(status)"
        case .invalidHandshake: "the server's handshake is not valid"
        case .timedOut: "no answer in time"
        }
    }

    package var description: String {
        switch self {
        case .network(let error): error.description
        case .proxy(let proxy, let failure): "the proxy at \(proxy.place) leads nowhere: \(failure)"
        case .tls(let failure): failure.description
        case .setUp(let error): error.description
        case .rejected(let status, let reason, let body):
            "the server answered \(status) \(reason)" + (body.isEmpty ? "" : ": \(body.prefix(200))")
        case .invalidHandshake(let reason): "the server's handshake is not valid: \(reason)"
        case .timedOut: "the server did not answer in time"
        }
    }
}
