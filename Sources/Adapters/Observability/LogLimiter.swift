internal import Glibc

/// Keeps events that others can bring about as often as they like from filling the disk: of each event only so many lines
/// are written, and the next one says how many were left out.
///
/// A bucket for each event and level; events are literals, so there are only as many as the program has. May be shared by
/// threads.
// SAFETY: the counts are read and written under the mutex, whose memory lives until deinit.
@safe
final class LogLimiter: @unchecked Sendable {
    /// What a level may write of one event.
    struct Rate {
        /// Lines at once: enough for what happens to all calls of a gateway together.
        let burst: Int
        /// Lines a second after that.
        let perSecond: Int
    }

    static func rate(of level: LogLevel) -> Rate {
        switch level {
        case .error, .warning: Rate(burst: 100, perSecond: 2)
        case .info: Rate(burst: 1000, perSecond: 20)
        case .debug: Rate(burst: 5000, perSecond: 100)
        }
    }

    private struct Bucket {
        var lines: Int
        var second: Int
        var leftOut = 0
    }

    private struct Key: Hashable {
        /// The address of its text, which is compared and never followed.
        let event: UInt
        let level: LogLevel
    }

    // SAFETY: guarded by the mutex. A pthread one, because ThreadSanitizer does not know Synchronization's.
    private var buckets: [Key: Bucket] = [:]
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        // SAFETY: the mutex does not move, and is freed in deinit.
        unsafe mutex = .allocate(capacity: 1)
        // SAFETY: on the heap at one address until deinit.
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        // SAFETY: nobody can hold it any more.
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Whether a line of the event may be written at that time.
    ///
    /// - Parameter seconds: since any moment.
    /// - Returns: how many were left out since the last one; nil when this one is left out.
    func admit(_ event: StaticString, _ level: LogLevel, seconds: Int) -> Int? {
        let rate = Self.rate(of: level)
        // The address of a literal tells it from others without looking at it.
        // SAFETY: the address of a static string is compared, never followed; the mutex does not move.
        let address = event.hasPointerRepresentation ? unsafe UInt(bitPattern: event.utf8Start) : 0
        let key = Key(event: address, level: level)
        // SAFETY: the mutex does not move.
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        var bucket = buckets[key] ?? Bucket(lines: rate.burst, second: seconds)
        if seconds != bucket.second {
            let passed = min(max(0, seconds - bucket.second), rate.burst)
            bucket.lines = min(rate.burst, bucket.lines + passed * rate.perSecond)
            bucket.second = seconds
        }
        defer { buckets[key] = bucket }
        guard bucket.lines > 0 else {
            bucket.leftOut += 1
            return nil
        }
        bucket.lines -= 1
        defer { bucket.leftOut = 0 }
        return bucket.leftOut
    }
}
