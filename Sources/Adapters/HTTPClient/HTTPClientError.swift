package import EventLoops
package import HTTP
package import SecureTransport
package import Wire

/// Why there is no response. (A response with a status of failure is a response.)
package enum HTTPClientError: Error, Hashable, Sendable {
    /// A method or header that cannot be written.
    case invalidRequest(String)
    /// The host's name could not be looked up.
    case unresolved(HTTPOrigin, EventLoopError)
    /// No connection could be made to any address of the host.
    case unreachable(HTTPOrigin, EventLoopError)
    /// A proxy leads nowhere.
    case proxy(HTTPProxy, HTTPProxy.Failure)
    /// TLS failed, for instance because the certificate is not trusted.
    case insecure(HTTPOrigin, TLSFailure)
    /// TLS could not even be tried.
    case secureTransport(SecureTransportError)
    /// The whole exchange took longer than allowed.
    case timedOut(HTTPOrigin)
    /// The connection ended before the response was complete.
    case disconnected(HTTPOrigin)
    /// What came is not HTTP.
    case malformedResponse(HTTPOrigin, reason: String)
    /// The response is larger than allowed.
    case responseTooLarge(HTTPOrigin, maximumBytes: Int)
    /// The call was cancelled.
    case cancelled
    /// The client was closed.
    case clientClosed
}

extension HTTPClientError: FailureConvertible {
    package var failure: Failure {
        switch self {
        case .invalidRequest(let reason): Failure("the request cannot be written: \(reason)", blame: .gateway)
        case .unresolved(_, let error) where error.isUnknownName:
            Failure(error.summary, detail: "\(error)", blame: .operator)
        case .unresolved(_, let error):
            Failure(error.summary, detail: "\(error)", blame: .room, isRetryable: error.isRetryable)
        case .unreachable(let origin, let error):
            Failure(
                error.summary, detail: "\(origin) cannot be reached: \(error)", blame: .room,
                isRetryable: error.isRetryable)
        case .proxy(let proxy, let failure):
            Failure(
                "the proxy leads nowhere: \(failure)", detail: "the proxy at \(proxy.place) leads nowhere: \(failure)",
                blame: .operator)
        case .insecure(_, let failure): Failure(failure.summary, detail: "\(failure)", blame: .operator)
        case .secureTransport(let error): Failure("TLS cannot be set up", detail: "\(error)", blame: .operator)
        case .timedOut(let origin):
            Failure(
                "no answer in time", detail: "\(origin) did not answer in time", blame: .room, isRetryable: true)
        case .disconnected(let origin):
            Failure(
                "the connection ended before the answer",
                detail: "\(origin) ended the connection before it had answered", blame: .room, isRetryable: true)
        case .malformedResponse(let origin, let reason):
            Failure(
                "the answer is not HTTP", detail: "\(origin) answered something that is not HTTP: \(reason)",
                blame: .room)
        case .responseTooLarge(let origin, let bytes):
            Failure(
                "the answer has more than \(bytes) bytes", detail: "\(origin) answered more than \(bytes) bytes",
                blame: .room)
        case .cancelled: Failure("the request was cancelled", blame: .gateway)
        case .clientClosed: Failure("the HTTP client is closed", blame: .gateway)
        }
    }
}

extension EventLoopError {
    /// Whether the name service knows no such host, which somebody has misspelt or not set up.
    fileprivate var isUnknownName: Bool {
        if case .nameNotFound = self { true } else { false }
    }
}
