internal import CLibUV
internal import Glibc
internal import Wire

/// The one timer of a loop: a descriptor that becomes readable at a time of CLOCK_MONOTONIC.
final class KernelTimer {
    /// Readable from the deadline on; negative when the system had none left.
    let descriptor: Int32
    /// The deadline that the timer is set to; nil when it is not running.
    private var armed: Instant?
    /// It has expired, and stays readable until it is set again.
    private var hasExpired = false
    private var isClosed = false

    init() { descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC)) }

    var isOpen: Bool { descriptor >= 0 }

    func close() {
        guard isOpen, !isClosed else { return }
        isClosed = true
        _ = Glibc.close(descriptor)
    }

    func expired() {
        hasExpired = true
        armed = nil
    }

    /// Sets the timer, but only when the deadline has come closer. One that has moved away leaves it as it is: one
    /// needless wake-up costs less than a system call for each postponement.
    func follow(_ deadline: Instant?) {
        guard let deadline else {
            if hasExpired { set(0) }
            hasExpired = false
            return
        }
        if !hasExpired, let armed, armed <= deadline { return }
        // Zero would mean never; any time in the past means at once.
        set(max(deadline.nanoseconds, 1))
        hasExpired = false
        armed = deadline
    }

    /// - Parameter nanoseconds: of CLOCK_MONOTONIC; 0 stops the timer. Either way it is no longer readable.
    private func set(_ nanoseconds: Int64) {
        var setting = itimerspec()
        setting.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
        setting.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
        // SAFETY: the structure is copied during the call.
        unsafe timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &setting, nil)
    }
}
