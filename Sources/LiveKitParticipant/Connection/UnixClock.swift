internal import Glibc

/// The time of day, for fields that other machines read. Deadlines never come from it.
package enum UnixClock {
    /// Milliseconds since 1970.
    package static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Seconds since 1970.
    package static func seconds() -> Int64 { milliseconds() / 1000 }
}
