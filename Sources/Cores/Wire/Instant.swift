/// A point on a monotonic clock, in nanoseconds since an arbitrary origin.
///
/// Cores never read a clock: each wake-up of a loop reads it once and passes it down. Tests start at zero and
/// move time by hand.
package struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's origin.
    package var nanoseconds: Int64

    @inlinable
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The origin; where virtual time starts in tests.
    package static let zero = Instant(nanoseconds: 0)
    /// Later than any instant that a clock returns.
    package static let distantFuture = Instant(nanoseconds: .max)

    /// Milliseconds since the origin, rounded down.
    package var milliseconds: Int64 { nanoseconds / 1_000_000 }

    @inlinable
    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The time from `earlier` to this instant. The media path counts in nanoseconds: a `Duration` is a 128-bit number
    /// of attoseconds, and each step from or to one costs a multiplication or division of that width.
    @inlinable
    package func nanoseconds(since earlier: Instant) -> Int64 { nanoseconds &- earlier.nanoseconds }

    /// The instant so many nanoseconds later; stays at `distantFuture` instead of overflowing.
    @inlinable
    package func advanced(byNanoseconds count: Int64) -> Instant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(count)
        return overflow ? .distantFuture : Instant(nanoseconds: sum)
    }

    /// The sum; stays at `distantFuture` instead of overflowing.
    package static func + (left: Instant, right: Duration) -> Instant {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
        return overflow ? .distantFuture : Instant(nanoseconds: sum)
    }

    package static func - (left: Instant, right: Duration) -> Instant {
        Instant(nanoseconds: left.nanoseconds &- right.nanoseconds)
    }

    /// The time from `right` to `left`; negative when `right` is later.
    package static func - (left: Instant, right: Instant) -> Duration {
        .nanoseconds(left.nanoseconds &- right.nanoseconds)
    }

    package static func += (left: inout Instant, right: Duration) { left = left + right }

    /// The earlier of two deadlines, where nil means none.
    @inlinable
    package static func earliest(_ first: Instant?, _ second: Instant?) -> Instant? {
        guard let first else { return second }
        guard let second else { return first }
        return min(first, second)
    }
}

extension Duration {
    /// The whole duration in nanoseconds, saturating at the limits of `Int64`.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowToo) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        if overflow || overflowToo { return seconds < 0 ? .min : .max }
        return sum
    }

    /// The whole duration in milliseconds, rounded towards zero.
    package var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
