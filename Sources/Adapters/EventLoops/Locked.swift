internal import Glibc

/// A value behind a pthread mutex.
///
/// `Synchronization.Mutex` waits on a futex inside the uninstrumented runtime, so ThreadSanitizer reports each of
/// its uses; it knows pthread mutexes.
// SAFETY: the value is read and written under the mutex, whose memory lives until deinit.
@safe
package final class Locked<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    package init(_ value: Value) {
        self.value = value
        // SAFETY: the mutex does not move, and is freed in deinit, when nobody holds it.
        unsafe mutex = .allocate(capacity: 1)
        // SAFETY: the mutex lives on the heap at one address until deinit, when nobody can hold it any more.
        let code = unsafe pthread_mutex_init(mutex, nil)
        precondition(code == 0, "a mutex cannot be made: errno \(code)")
    }

    deinit {
        // SAFETY: see init.
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` with the value for itself alone. Not re-entrant.
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the mutex is initialised, and unlocked by the same thread on every way out.
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
