internal import Glibc

/// How many files and sockets the process may have open.
enum OpenFiles {
    /// Asks for as many as the system lets us have: each client needs several, and many systems allow a thousand unless
    /// one asks for more.
    static func raiseLimit() {
        var limit = rlimit()
        // SAFETY: the structure is ours.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// How many it may be.
    static var limit: UInt {
        var limit = rlimit()
        // SAFETY: the structure is ours.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return limit.rlim_cur
    }
}
