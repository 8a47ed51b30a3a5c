internal import Glibc
internal import Wire

/// Threads wait at it until it is opened; from then on everybody passes.
// SAFETY: the flag is read and written under the mutex, whose memory lives until deinit.
@safe
final class Gate: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var isOpen = false

    init() {
        // SAFETY: the memory is freed in deinit, when nobody waits any more.
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        var clock = pthread_condattr_t()
        // SAFETY: both live on the heap at one address until deinit; the attributes are copied.
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_condattr_init(&clock)
        // Who sets the wall clock must not make anybody wait longer.
        unsafe pthread_condattr_setclock(&clock, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &clock)
        unsafe pthread_condattr_destroy(&clock)
    }

    deinit {
        // SAFETY: nobody waits, since waiting threads hold a reference.
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func open() {
        // SAFETY: initialised in init; unlocked below.
        unsafe pthread_mutex_lock(mutex)
        isOpen = true
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Blocks the calling thread.
    func wait() {
        // SAFETY: initialised in init; the condition gives the mutex back locked.
        unsafe pthread_mutex_lock(mutex)
        while !isOpen { unsafe pthread_cond_wait(condition, mutex) }
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Blocks the calling thread for `duration` at most; false when the gate was not opened by then.
    func wait(for duration: Duration) -> Bool {
        var until = timespec()
        // SAFETY: the structure is read and written during the call only.
        unsafe clock_gettime(CLOCK_MONOTONIC, &until)
        let nanoseconds = until.tv_nsec + Int(duration.nanoseconds)
        until.tv_sec += nanoseconds / 1_000_000_000
        until.tv_nsec = nanoseconds % 1_000_000_000
        // SAFETY: initialised in init; the condition gives the mutex back locked.
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while !isOpen, unsafe pthread_cond_timedwait(condition, mutex, &until) == 0 {}
        return isOpen
    }
}
