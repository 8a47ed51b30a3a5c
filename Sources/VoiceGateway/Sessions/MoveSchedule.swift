package import Wire

/// When each call of a loop is asked to go on at another gateway: one after the other, because calls that move in the same moment
/// meet at one room server and one gateway, and hear their agents late.
///
/// Pure: time goes in by `next(now:)` and `noteAsked(now:)`, calls come out.
package struct MoveSchedule: Sendable {
    /// When the next call is due; nil when all have been asked.
    package var nextDeadline: Instant? { waiting.isEmpty ? nil : due }

    private var waiting: Set<String>
    private var due: Instant
    private let pause: Duration

    /// - Parameters:
    ///   - calls: the keys of those that are there.
    ///   - perSecond: how many may be asked in a second, more than 0. They are asked faster where the second half of the time until
    ///     `end`, in which slow clients move, would begin before.
    ///   - end: when calls that are still there are ended.
    package init(calls: some Collection<String>, perSecond: Double, now: Instant, end: Instant) {
        waiting = Set(calls)
        due = now
        let half = (end - now) / (2 * max(1, calls.count))
        pause = max(.zero, min(.seconds(1 / perSecond), half))
    }

    /// A call that is due now, which is then out of the schedule; nil when none is.
    package mutating func next(now: Instant) -> String? { now < due ? nil : waiting.popFirst() }

    /// The call that came last is asked, so the next one has to wait. A call that cannot move costs no time.
    package mutating func noteAsked(now: Instant) { due = now + pause }

    /// A call is gone, or has been asked already.
    package mutating func remove(_ call: String) { waiting.remove(call) }
}
