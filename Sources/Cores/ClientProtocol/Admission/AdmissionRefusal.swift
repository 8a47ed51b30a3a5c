/// Why a client is not let in, and how it is told so on a WebSocket and over HTTP.
package enum AdmissionRefusal: Error, Hashable, Sendable, CaseIterable {
    case missingKey
    case wrongKey
    case rateLimited
    case unavailable

    /// The upgrade is completed first, so that browsers can read the code.
    package var closeCode: UInt16 {
        switch self {
        case .missingKey: 4401
        case .wrongKey: 4403
        case .rateLimited: 4429
        case .unavailable: 1011
        }
    }

    package var closeReason: String {
        switch self {
        case .missingKey: "Missing API key"
        case .wrongKey: "Invalid API key"
        case .rateLimited: "Rate limit exceeded"
        case .unavailable: "Service unavailable"
        }
    }

    package var httpStatus: Int {
        switch self {
        case .missingKey: 401
        case .wrongKey: 403
        case .rateLimited: 429
        case .unavailable: 503
        }
    }

    /// The value of `detail` in the answer's body.
    package var httpDetail: String {
        switch self {
        case .missingKey, .wrongKey, .unavailable: closeReason
        case .rateLimited: "Rate limit exceeded. Please retry later."
        }
    }
}
