internal import Glibc

/// How many files and sockets the process may have open.
enum OpenFiles {
    /// Asks for as many as the system lets us have: each client needs several, and many systems allow a thousand unless
    /// one asks for more.
    static func raiseLimit() {
        guard var limits else { return }
        limits.rlim_cur = limits.rlim_max
        // SAFETY: the structure is ours.
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
    }

    /// How many it may be.
    static var limit: UInt { limits?.rlim_cur ?? 0 }

    private static var limits: rlimit? {
        var limits = rlimit()
        // SAFETY: the structure is ours.
        return unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 ? limits : nil
    }
}
