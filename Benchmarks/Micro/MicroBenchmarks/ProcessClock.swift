internal import Glibc

/// Time that this process has spent on a processor; other processes of the machine do not count.
enum ProcessClock {
    static func nanoseconds() -> Int64 {
        var time = timespec()
        // SAFETY: the call fills the structure.
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
