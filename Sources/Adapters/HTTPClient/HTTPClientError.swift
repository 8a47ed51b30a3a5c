package import EventLoops
package import SecureTransport

/// Why there is no response. (A response with a status of failure is a response.)
package enum HTTPClientError: Error, Hashable, Sendable {
    /// Who has to do something about it.
    package enum Blame: Hashable, Sendable {
        /// This process: a fault in our code, or our own doing.
        case gateway
        /// The server that was asked, or the network on the way to it.
        case server
        /// Whoever configured the URL, the name service or the certificates.
        case `operator`
    }

    case invalidURL(String, reason: String)
    /// A method or header that cannot be written.
    case invalidRequest(String)
    /// The host's name could not be looked up.
    case unresolved(HTTPOrigin, EventLoopError)
    /// No connection could be made to any address of the host.
    case unreachable(HTTPOrigin, EventLoopError)
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

    package var blame: Blame {
        switch self {
        case .invalidRequest, .cancelled, .clientClosed: .gateway
        case .invalidURL, .secureTransport, .insecure: .operator
        case .unresolved(_, .nameNotFound): .operator
        case .unresolved, .unreachable, .timedOut, .disconnected, .malformedResponse, .responseTooLarge: .server
        }
    }

    /// Whether the same request may succeed a little later.
    package var isRetryable: Bool {
        switch self {
        case .unresolved(_, let error), .unreachable(_, let error): error.isRetryable
        case .timedOut, .disconnected: true
        case .invalidURL, .invalidRequest, .insecure, .secureTransport, .malformedResponse, .responseTooLarge,
            .cancelled,
            .clientClosed:
            false
        }
    }
}

extension HTTPClientError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidURL(let url, let reason): "\(url) is not a usable URL: \(reason)"
        case .invalidRequest(let reason): "the request cannot be written: \(reason)"
        case .unresolved(_, let error): "\(error)"
        case .unreachable(let origin, let error): "\(origin) cannot be reached: \(error)"
        case .insecure(_, let failure): "\(failure)"
        case .secureTransport(let error): "\(error)"
        case .timedOut(let origin): "\(origin) did not answer in time"
        case .disconnected(let origin): "\(origin) ended the connection before it had answered"
        case .malformedResponse(let origin, let reason): "\(origin) answered something that is not HTTP: \(reason)"
        case .responseTooLarge(let origin, let bytes): "\(origin) answered more than \(bytes) bytes"
        case .cancelled: "the request was cancelled"
        case .clientClosed: "the HTTP client is closed"
        }
    }
}
