/// Why a TURN server is of no use.
package enum TURNFailure: Error, Hashable, Sendable {
    /// No answer, however often was asked.
    case noAnswer
    /// The server does not take the user name and the password.
    case unauthorized
    /// The server's operator does not allow it (403).
    case forbidden
    /// The user has as many allocations as it may have (486).
    case quota
    /// The server has no room (508).
    case capacity
    /// The server does not relay for this address family (440, 443).
    case family
    /// The server has forgotten the allocation, or has another one for our port (437).
    case mismatch
    /// The server sends us to another server (300), which a session has not named.
    case elsewhere
    /// Another error.
    case refused(code: Int)
    /// An answer that cannot be: no address, one that nobody can reach, or a nonce that is always stale.
    case unusable

    /// For people.
    package var text: String {
        switch self {
        case .noAnswer: "no answer"
        case .unauthorized: "the credentials are refused"
        case .forbidden: "the server does not allow it"
        case .quota: "the quota of allocations is used up"
        case .capacity: "the server has no room"
        case .family: "the server does not relay for this kind of address"
        case .mismatch: "the server has forgotten the allocation"
        case .elsewhere: "the server names another one, which is not followed"
        case .refused(let code): "refused with error \(code)"
        case .unusable: "the answer cannot be used"
        }
    }
}

extension TURNFailure {
    /// What an error that concerns a whole allocation means.
    init(code: Int) {
        self =
            switch code {
            case 300: .elsewhere
            case 401, 441: .unauthorized
            case 403: .forbidden
            case 437: .mismatch
            case 440, 443: .family
            case 486: .quota
            case 508: .capacity
            default: .refused(code: code)
            }
    }

    /// Whether another attempt, soon, may do better.
    package var mayPass: Bool {
        switch self {
        case .noAnswer, .mismatch, .capacity: true
        case .unauthorized, .forbidden, .quota, .family, .elsewhere, .refused, .unusable: false
        }
    }

    /// Whether an error for one peer means that the allocation is of no use for others either.
    static func endsAllocation(_ code: Int) -> Bool { code == 401 || code == 437 || code == 441 }
}
