package import HTTPClient
package import Signalling
package import Wire

/// Why a call to LiveKit's server API failed.
package enum ServerAPIError: Error, Hashable, Sendable {
    /// The server answered that it will not, or cannot.
    case refused(method: String, TwirpError)
    /// The server could not be asked.
    case unreachable(method: String, HTTPClientError)
    /// The server answered something that is not the message it should be.
    case undecodable(method: String, reason: String)

    /// Twirp's code when the server gave one: decide by this, never by the text.
    package var code: TwirpCode? {
        if case .refused(_, let error) = self { error.code } else { nil }
    }
}

extension ServerAPIError: FailureConvertible {
    package var failure: Failure {
        switch self {
        case .refused(let method, let error):
            let summary =
                if let status = error.foreignStatus {
                    "LiveKit could not be asked for \(method): HTTP status \(status) (\(error.code.rawValue))"
                } else {
                    "LiveKit refused \(method) (\(error.code.rawValue))"
                }
            return Failure(
                summary, detail: error.message.isEmpty ? nil : "\(summary): \(error.message)", blame: error.code.blame,
                isRetryable: error.code.isRetryable)
        case .unreachable(let method, let error):
            let start = "LiveKit could not be asked for \(method)"
            let failure = error.failure
            return Failure(
                "\(start): \(failure.summary)", detail: "\(start): \(failure.detail)", blame: failure.blame,
                isRetryable: failure.isRetryable)
        case .undecodable(let method, let reason):
            let summary = "LiveKit's answer to \(method) cannot be read"
            return Failure(summary, detail: "\(summary): \(reason)", blame: .room)
        }
    }
}

extension TwirpCode {
    fileprivate var blame: Blame {
        switch self {
        // A route that does not exist: something else than LiveKit answers at that URL.
        case .unauthenticated, .permissionDenied, .badRoute: .operator
        case .invalidArgument, .malformed, .outOfRange: .gateway
        case .canceled, .unknown, .deadlineExceeded, .notFound, .alreadyExists, .resourceExhausted,
            .failedPrecondition, .aborted, .unimplemented, .internal, .unavailable, .dataLoss:
            .room
        }
    }

    fileprivate var isRetryable: Bool {
        switch self {
        case .canceled, .deadlineExceeded, .resourceExhausted, .aborted, .unavailable: true
        case .unknown, .invalidArgument, .malformed, .notFound, .badRoute, .alreadyExists, .permissionDenied,
            .unauthenticated, .failedPrecondition, .outOfRange, .unimplemented, .internal, .dataLoss:
            false
        }
    }
}
