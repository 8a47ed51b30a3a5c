internal import HTTPClient
internal import LiveKitParticipant
internal import Signalling
internal import Wire

/// Why the room server cannot be used: in a word for programs, and in sentences that say what is to be mended.
struct RoomServerFault: Error, Hashable {
    enum Reason: String, CaseIterable {
        /// The server does not know the key, or the secret is another one.
        case unauthorized
        /// The same, because the clocks differ.
        case clockSkew = "clock_skew"
        case dns
        case tls
        /// Nobody answers at the address.
        case unreachable
        case timeout
        /// Something else than LiveKit answers.
        case notLiveKit = "not_livekit"
        /// The server cannot at the moment.
        case unavailable
        /// The server will not.
        case refused
        /// The gateway is going, or at fault.
        case `internal`
    }

    /// How many seconds two clocks may differ until LiveKit takes no token.
    static let toleratedSkew: Int64 = 60

    let reason: Reason
    /// Without addresses and names.
    let summary: String
    /// For the operator's log.
    let detail: String

    /// - Parameter clockOffset: how many seconds the server's clock is ahead of ours, as far as that is known.
    init(_ error: ServerAPIError, clockOffset: Int64?) {
        reason = Self.reason(error, clockOffset)
        let hint =
            switch reason {
            case .unauthorized: ": LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not those of this deployment"
            case .clockSkew: ": " + Self.sentence(clockOffset: clockOffset ?? 0)
            case .notLiveKit: ": is LIVEKIT_URL the address of a LiveKit deployment?"
            default: ""
            }
        summary = error.summary + hint
        detail = error.failure.detail + hint
    }

    static func sentence(clockOffset: Int64) -> String {
        "this machine's clock is \(abs(clockOffset)) s \(clockOffset > 0 ? "behind" : "ahead of") the room server's"
    }

    private static func reason(_ error: ServerAPIError, _ clockOffset: Int64?) -> Reason {
        switch error {
        case .undecodable: .notLiveKit
        case .unreachable(_, let error): reason(error)
        case .refused(_, let error):
            switch error.code {
            case .unauthenticated:
                if let clockOffset, abs(clockOffset) >= toleratedSkew { .clockSkew } else { .unauthorized }
            case .permissionDenied: .unauthorized
            case .badRoute, .unimplemented: .notLiveKit
            case .unavailable, .resourceExhausted, .canceled, .deadlineExceeded, .aborted: .unavailable
            case .unknown where error.foreignStatus != nil: .notLiveKit
            default: .refused
            }
        }
    }

    private static func reason(_ error: HTTPClientError) -> Reason {
        switch error {
        case .unresolved: .dns
        case .unreachable, .disconnected, .proxy: .unreachable
        case .insecure, .secureTransport: .tls
        case .timedOut: .timeout
        case .malformedResponse, .responseTooLarge: .notLiveKit
        case .invalidRequest, .cancelled, .clientClosed: .internal
        }
    }
}
