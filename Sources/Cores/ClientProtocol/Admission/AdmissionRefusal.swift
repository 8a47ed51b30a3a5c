internal import Wire

/// Why a client is not let in, and how it is told so on a WebSocket and over HTTP.
package enum AdmissionRefusal: Error, Hashable, Sendable, CaseIterable {
    case missingKey
    case wrongKey
    case rateLimited
    /// The gateway has as many clients as it may have.
    case unavailable
    /// The gateway goes: it lets nobody in any more, and another one may.
    case draining
    /// The web page that connects is not on the operator's list.
    case originNotAllowed
    case tooManyForAddress
    case tooManyForKey

    /// The upgrade is completed first, so that browsers can read the code.
    package var closeCode: UInt16 {
        switch self {
        case .missingKey: 4401
        case .wrongKey, .originNotAllowed: 4403
        case .rateLimited, .tooManyForAddress, .tooManyForKey: 4429
        case .unavailable: 1011
        case .draining: 1012
        }
    }

    package var closeReason: String {
        switch self {
        case .missingKey: "Missing API key"
        case .wrongKey: "Invalid API key"
        case .rateLimited: "Rate limit exceeded"
        case .unavailable: "Service unavailable"
        case .draining: "The gateway is shutting down; connect again"
        case .originNotAllowed: "Origin not allowed"
        case .tooManyForAddress: "Too many connections from this address"
        case .tooManyForKey: "Too many connections with this API key"
        }
    }

    package var httpStatus: Int {
        switch self {
        case .missingKey: 401
        case .wrongKey, .originNotAllowed: 403
        case .rateLimited, .tooManyForAddress, .tooManyForKey: 429
        case .unavailable, .draining: 503
        }
    }

    /// The value of `detail` in the answer's body.
    package var httpDetail: String {
        switch self {
        case .rateLimited: "Rate limit exceeded. Please retry later."
        default: closeReason
        }
    }

    /// What clients that understand errors are told before the connection is closed.
    package var clientError: ClientError {
        switch self {
        case .missingKey, .wrongKey: ClientError(.unauthorized, closeReason)
        case .rateLimited: ClientError(.rateLimited, "Rate limit exceeded; try again later", isRetryable: true)
        case .unavailable:
            ClientError(
                .unavailable, "the server has as many clients as it may have; try again later", blame: .gateway,
                isRetryable: true)
        case .draining: ClientError(.unavailable, closeReason, blame: .gateway, isRetryable: true)
        case .originNotAllowed: ClientError(.notAllowed, "pages of this origin may not connect (ALLOWED_ORIGINS)")
        case .tooManyForAddress, .tooManyForKey: ClientError(.tooManyConnections, closeReason, isRetryable: true)
        }
    }

    /// The same for programs that count.
    package var label: String {
        switch self {
        case .missingKey: "missing_key"
        case .wrongKey: "wrong_key"
        case .rateLimited: "rate_limit"
        case .unavailable: "unavailable"
        case .draining: "draining"
        case .originNotAllowed: "origin"
        case .tooManyForAddress: "connections_per_address"
        case .tooManyForKey: "connections_per_key"
        }
    }

    /// Why the connection ends, for clients that understand it.
    package var closingReason: ClosingReason {
        switch self {
        case .missingKey, .wrongKey: .unauthorized
        case .originNotAllowed: .notAllowed
        case .rateLimited: .rateLimited
        case .tooManyForAddress, .tooManyForKey: .tooManyConnections
        case .unavailable, .draining: .unavailable
        }
    }
}
