internal import CLibUV

/// Measures how long the iterations of a loop take, without the time in which it waits for events. While one lasts, whatever
/// has come for others has to wait.
struct IterationClock {
    private let observe: (_ nanoseconds: Int64) -> Void
    private var end: UInt64
    /// How long the loop has waited so far, in ns.
    private var idle: UInt64

    /// - Parameter observe: is told each iteration's length in nanoseconds, at its end.
    init(_ loop: UnsafeMutablePointer<uv_loop_t>, observe: @escaping (_ nanoseconds: Int64) -> Void) {
        self.observe = observe
        end = uv_hrtime()
        // SAFETY: the loop is open, and only read.
        idle = unsafe uv_metrics_idle_time(loop)
    }

    /// To be called just before the loop waits again.
    mutating func endIteration(_ loop: UnsafeMutablePointer<uv_loop_t>) {
        let now = uv_hrtime()
        // SAFETY: the loop is open, and only read.
        let waited = unsafe uv_metrics_idle_time(loop)
        observe(Int64(clamping: now - end) - Int64(clamping: waited - idle))
        (end, idle) = (now, waited)
    }
}
