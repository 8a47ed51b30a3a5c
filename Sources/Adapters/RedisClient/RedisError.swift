package import Wire

/// Why a Redis server cannot be used.
package enum RedisError: FailureConvertible, Hashable, Sendable {
    case unreachable(String)
    case insecure(String)
    /// The server does not take our password, or wants one.
    case refused(String)
    case timedOut
    case disconnected
    /// Something else than Redis answers.
    case notRedis(String)

    package var failure: Failure {
        switch self {
        case .unreachable(let why): Failure("Redis cannot be reached: \(why)", blame: .operator, isRetryable: true)
        case .insecure(let why): Failure("TLS with Redis failed: \(why)", blame: .operator)
        case .refused(let why): Failure("Redis refuses: \(why)", blame: .operator)
        case .timedOut: Failure("Redis has not answered in time", blame: .operator, isRetryable: true)
        case .disconnected: Failure("Redis has ended the connection", blame: .operator, isRetryable: true)
        case .notRedis(let why): Failure("what answers is no Redis: \(why)", blame: .operator)
        }
    }
}
