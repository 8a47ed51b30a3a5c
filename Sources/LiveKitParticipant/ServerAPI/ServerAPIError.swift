package import HTTPClient
package import Signalling

/// Why a call to LiveKit's server API failed.
package enum ServerAPIError: Error, Hashable, Sendable {
    /// Who has to do something about it.
    package enum Blame: Hashable, Sendable {
        /// This process: we asked for something that makes no sense.
        case gateway
        /// The LiveKit deployment, or the network on the way to it.
        case room
        /// Whoever configured the URL and the keys.
        case `operator`
    }

    /// The server answered that it will not, or cannot.
    case refused(method: String, TwirpError)
    /// The server could not be asked.
    case unreachable(method: String, HTTPClientError)
    /// The server answered something that is not the message it should be.
    case undecodable(method: String, reason: String)

    package var blame: Blame {
        switch self {
        case .undecodable: .room
        case .unreachable(_, let error):
            switch error.blame {
            case .gateway: .gateway
            case .server: .room
            case .operator: .operator
            }
        case .refused(_, let error):
            switch error.code {
            // A route that does not exist: something else than LiveKit answers at that URL.
            case .unauthenticated, .permissionDenied, .badRoute: .operator
            case .invalidArgument, .malformed, .outOfRange: .gateway
            case .canceled, .unknown, .deadlineExceeded, .notFound, .alreadyExists, .resourceExhausted,
                .failedPrecondition, .aborted, .unimplemented, .internal, .unavailable, .dataLoss:
                .room
            }
        }
    }

    /// Whether the same call may succeed a little later.
    package var isRetryable: Bool {
        switch self {
        case .undecodable: false
        case .unreachable(_, let error): error.isRetryable
        case .refused(_, let error):
            switch error.code {
            case .canceled, .deadlineExceeded, .resourceExhausted, .aborted, .unavailable: true
            case .unknown, .invalidArgument, .malformed, .notFound, .badRoute, .alreadyExists, .permissionDenied,
                .unauthenticated, .failedPrecondition, .outOfRange, .unimplemented, .internal, .dataLoss:
                false
            }
        }
    }

    /// Twirp's code when the server gave one: decide by this, never by the text.
    package var code: TwirpCode? {
        if case .refused(_, let error) = self { error.code } else { nil }
    }
}

extension ServerAPIError: CustomStringConvertible {
    /// What happened, without the server's own words.
    package var summary: String {
        switch self {
        case .refused(let method, let error): "LiveKit refused \(method) (\(error.code.rawValue))"
        case .unreachable(let method, _): "LiveKit could not be asked for \(method)"
        case .undecodable(let method, _): "LiveKit's answer to \(method) cannot be read"
        }
    }

    package var description: String {
        switch self {
        case .refused(let method, let error): "LiveKit refused \(method) (\(error.code.rawValue)): \(error.message)"
        case .unreachable(let method, let error): "LiveKit could not be asked for \(method): \(error)"
        case .undecodable(let method, let reason): "LiveKit's answer to \(method) cannot be read: \(reason)"
        }
    }
}
