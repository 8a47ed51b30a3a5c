package import Wire

/// Virtual time: starts at zero and moves only when told to.
package struct ManualClock: Sendable {
    package private(set) var now = Instant.zero

    package init(now: Instant = .zero) { self.now = now }

    package mutating func advance(by duration: Duration) { now += duration }

    /// Moves forward to `instant`; an instant that has passed leaves the clock where it is.
    package mutating func advance(to instant: Instant) { now = max(now, instant) }
}
