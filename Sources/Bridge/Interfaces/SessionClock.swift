package import Wire

/// Time, as a session sees it: the loop's, or a test's.
package protocol SessionClock: AnyObject {
    /// The time at which this iteration of the loop began.
    var now: Instant { get }
    /// Something that calls `body` when its time has come.
    func makeTimer(_ body: @escaping () -> Void) -> any SessionTimer
}

/// A one-shot timer that can be set again and again.
package protocol SessionTimer: AnyObject {
    /// Sets it, or moves it; a time in the past means as soon as possible.
    func arm(at instant: Instant)
    func cancel()
}

extension SessionTimer {
    /// Sets it to this time, or for never.
    func follow(_ deadline: Instant?) {
        if let deadline { arm(at: deadline) } else { cancel() }
    }
}
