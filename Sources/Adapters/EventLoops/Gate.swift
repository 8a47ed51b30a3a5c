internal import Glibc
internal import Wire

/// Threads wait at it until it is opened; from then on everybody passes.
final class Gate: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var isOpen = false

    init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        var clock = pthread_condattr_t()
        // SAFETY: both live on the heap at one address until deinit; the attributes are copied.
        pthread_mutex_init(mutex, nil)
        pthread_condattr_init(&clock)
        // Who sets the wall clock must not make anybody wait longer.
        pthread_condattr_setclock(&clock, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &clock)
        pthread_condattr_destroy(&clock)
    }

    deinit {
        // SAFETY: nobody waits, since waiting threads hold a reference.
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func open() {
        // SAFETY: initialised in init; unlocked below.
        pthread_mutex_lock(mutex)
        isOpen = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Blocks the calling thread.
    func wait() {
        // SAFETY: initialised in init; the condition gives the mutex back locked.
        pthread_mutex_lock(mutex)
        while !isOpen { pthread_cond_wait(condition, mutex) }
        pthread_mutex_unlock(mutex)
    }

    /// Blocks the calling thread for `duration` at most; false when the gate was not opened by then.
    func wait(for duration: Duration) -> Bool {
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let nanoseconds = until.tv_nsec + Int(duration.nanoseconds)
        until.tv_sec += nanoseconds / 1_000_000_000
        until.tv_nsec = nanoseconds % 1_000_000_000
        // SAFETY: initialised in init; the condition gives the mutex back locked.
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isOpen, pthread_cond_timedwait(condition, mutex, &until) == 0 {}
        return isOpen
    }
}
