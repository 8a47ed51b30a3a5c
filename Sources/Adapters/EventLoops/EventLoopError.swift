internal import CLibUV
package import Wire

/// What can go wrong between this process and the operating system's sockets, names and timers.
package enum EventLoopError: Error, Hashable, Sendable {
    /// The loop has stopped, or is stopping: no handle can be opened on it any more.
    case loopStopped
    /// The address to bind is taken by somebody else.
    case addressInUse(TransportAddress)
    /// The address to bind does not belong to this machine.
    case addressNotAvailable(TransportAddress)
    /// Binding needs rights that the process does not have (ports below 1024, for instance).
    case permissionDenied(TransportAddress)
    /// Nobody listens there.
    case connectionRefused
    /// There is no way to that host or network.
    case unreachable
    /// The peer has reset the connection.
    case connectionReset
    /// The time that was allowed is over.
    case timedOut
    /// This side closed or cancelled before it was done.
    case cancelled
    /// The name does not exist, or has no address.
    case nameNotFound(String)
    /// The name could not be looked up now; it may be possible later.
    case nameServiceFailed(host: String, reason: String)
    /// The process or the machine has no file descriptor left.
    case tooManyOpenFiles
    /// More is waiting to be sent than the named limit allows.
    case queueFull
    /// Anything else, in the system's words.
    case system(operation: String, reason: String)

    /// Whether trying the same again later can help without anybody changing a configuration.
    package var isRetryable: Bool {
        switch self {
        case .connectionRefused, .unreachable, .connectionReset, .timedOut, .nameServiceFailed, .tooManyOpenFiles,
            .queueFull:
            true
        case .loopStopped, .addressInUse, .addressNotAvailable, .permissionDenied, .cancelled, .nameNotFound, .system:
            false
        }
    }

    /// - Parameter code: a negative libuv error number.
    init(_ code: Int32, operation: String) {
        switch code {
        case UV_ECONNREFUSED.rawValue: self = .connectionRefused
        case UV_ENETUNREACH.rawValue, UV_EHOSTUNREACH.rawValue: self = .unreachable
        case UV_ECONNRESET.rawValue, UV_EPIPE.rawValue, UV_ECONNABORTED.rawValue: self = .connectionReset
        case UV_ETIMEDOUT.rawValue: self = .timedOut
        case UV_ECANCELED.rawValue: self = .cancelled
        case UV_EMFILE.rawValue, UV_ENFILE.rawValue: self = .tooManyOpenFiles
        default: self = .system(operation: operation, reason: Self.describe(code))
        }
    }

    /// - Parameter code: a negative libuv error number from binding `address`.
    init(_ code: Int32, binding address: TransportAddress) {
        switch code {
        case UV_EADDRINUSE.rawValue: self = .addressInUse(address)
        case UV_EADDRNOTAVAIL.rawValue: self = .addressNotAvailable(address)
        case UV_EACCES.rawValue, UV_EPERM.rawValue: self = .permissionDenied(address)
        default: self.init(code, operation: "bind \(address)")
        }
    }

    /// The system's words for a negative libuv error number.
    static func describe(_ code: Int32) -> String {
        // SAFETY: libuv answers known codes with constant C strings (unknown ones leak a few bytes, once each).
        guard let text = unsafe uv_strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}

extension EventLoopError: CustomStringConvertible {
    /// What happened, without addresses and names of hosts.
    package var summary: String {
        switch self {
        case .addressInUse: "the address is in use by another process"
        case .addressNotAvailable: "the address is not one of this machine"
        case .permissionDenied: "no permission to use the address"
        case .nameNotFound: "DNS: the host's name has no address"
        case .nameServiceFailed(_, let reason): "DNS: the host's name cannot be looked up now: \(reason)"
        case .loopStopped, .connectionRefused, .unreachable, .connectionReset, .timedOut, .cancelled,
            .tooManyOpenFiles, .queueFull, .system:
            description
        }
    }

    package var description: String {
        switch self {
        case .loopStopped: "the event loop has stopped"
        case .addressInUse(let address): "\(address) is in use by another process"
        case .addressNotAvailable(let address): "\(address.ip) is not an address of this machine"
        case .permissionDenied(let address): "no permission to use \(address)"
        case .connectionRefused: "connection refused"
        case .unreachable: "host unreachable"
        case .connectionReset: "connection reset by the other side"
        case .timedOut: "timed out"
        case .cancelled: "cancelled"
        case .nameNotFound(let host): "no address is known for \(host)"
        case .nameServiceFailed(let host, let reason): "\(host) cannot be looked up now: \(reason)"
        case .tooManyOpenFiles: "too many open files"
        case .queueFull: "the send queue is full"
        case .system(let operation, let reason): "\(operation): \(reason)"
        }
    }
}
