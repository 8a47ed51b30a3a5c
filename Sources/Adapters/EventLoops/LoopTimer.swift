package import Wire

/// A deadline that can be set, moved and cancelled as often as one likes; it goes off once each time.
///
/// All timers of a loop share one kernel timer with nanosecond resolution (libuv's own count whole milliseconds,
/// rounded up, so that a 20 ms tick would drift). The timer is set at the end of an iteration, and only when the earliest
/// deadline came closer: moving a timer costs a few heap steps and no system call.
///
/// For a steady tick, call `advance(by:)` from the handler: it counts from the deadline, not from the moment when
/// the handler got to run, so lateness never adds up.
///
/// Belongs to the loop's thread; letting go of a timer cancels it.
package final class LoopTimer {
    private let loop: EventLoop
    private let entry: TimerEntry

    /// - Parameter handler: kept as long as the timer; capture its owner weakly or unowned.
    package init(loop: EventLoop, handler: @escaping () -> Void) {
        self.loop = loop
        entry = TimerEntry(fire: handler)
    }

    deinit {
        if loop.isCurrent {
            loop.timers.cancel(entry)
        } else {
            // SAFETY: from here on only the loop's thread knows the entry.
            nonisolated(unsafe) let entry = entry
            loop.execute { [loop] in unsafe loop.timers.cancel(entry) }
        }
    }

    /// Whether the timer will go off.
    package var isArmed: Bool { entry.index >= 0 }

    /// When the timer goes off; nil when it is not armed.
    package var deadline: Instant? { isArmed ? entry.deadline : nil }

    /// Sets or moves the timer. A deadline in the past goes off in the next iteration.
    package func arm(at deadline: Instant) {
        loop.preconditionCurrent("a timer")
        if isArmed, entry.deadline == deadline { return }
        loop.timers.arm(entry, at: deadline)
    }

    /// Sets or moves the timer to `duration` after the time of this iteration.
    package func arm(after duration: Duration) { arm(at: loop.now + duration) }

    /// Sets the timer to `interval` after the deadline at which it went off last. When the loop was held up for longer
    /// than that, the ticks it missed follow at once, one an iteration.
    package func advance(by interval: Duration) { arm(at: entry.deadline + interval) }

    /// Sets, moves or (nil) cancels: the way of a core's `nextDeadline`.
    package func follow(_ deadline: Instant?) {
        if let deadline { arm(at: deadline) } else { cancel() }
    }

    package func cancel() {
        loop.preconditionCurrent("a timer")
        loop.timers.cancel(entry)
    }
}
