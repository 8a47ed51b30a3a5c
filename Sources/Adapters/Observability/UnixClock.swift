internal import Glibc

/// The time of day, for logs and for fields that other machines read. Deadlines never come from it.
package enum UnixClock {
    /// Seconds and nanoseconds since 1970.
    package static func now() -> (seconds: Int, nanoseconds: Int) {
        var time = timespec()
        // SAFETY: the structure lives on the stack until the call has filled it.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return (time.tv_sec, time.tv_nsec)
    }

    /// Milliseconds since 1970.
    package static func milliseconds() -> Int64 {
        let now = now()
        return Int64(now.seconds) * 1000 + Int64(now.nanoseconds) / 1_000_000
    }

    /// Seconds since 1970.
    package static func seconds() -> Int64 { Int64(now().seconds) }
}
