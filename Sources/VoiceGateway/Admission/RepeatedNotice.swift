internal import EventLoops
internal import Wire

/// Says when something that may happen very often is to be written down: the first time at once, then once in a while
/// with the number of times since. May be shared by threads.
final class RepeatedNotice: Sendable {
    private struct State {
        var next: Instant?
        var count = 0
    }

    private let interval: Duration
    private let state = Locked(State())

    init(every interval: Duration) { self.interval = interval }

    /// It has happened again.
    ///
    /// - Returns: how often since the last notice, when it is time for one.
    func note(now: Instant) -> Int? {
        state.withLock { state in
            state.count += 1
            if let next = state.next, now < next { return nil }
            defer { state = State(next: now + interval, count: 0) }
            return state.count
        }
    }
}
