internal import EventLoops
package import Wire

/// How the gateway goes, as a pure state machine: signals, the number of calls and time go in by `handle` and
/// `handleTimeout`; what is to be done comes out by `poll`.
///
/// ```
/// serving ──SIGTERM──► draining ──no call left, time is over, another signal──► ending ──► over
///    └──────────Ctrl-C, or no time is given to calls──────────────────────────────┘
/// ```
package struct Drain: Sendable {
    package enum Input: Sendable {
        /// Ctrl-C: somebody at a terminal, who does not want to wait.
        case interrupted
        /// What `kill`, systemd and orchestrators send.
        case terminated
        /// So many calls are left.
        case calls(Int)
        /// All have been told, and have gone.
        case ended
    }

    /// Why calls are ended that could go on.
    package enum Cause: Hashable, Sendable {
        /// No call is left.
        case noCalls
        /// They have had the time that the operator gives them.
        case timeIsOver
        /// The operator does not want to wait for them.
        case demanded
    }

    package enum Action: Hashable, Sendable {
        /// Let nobody in any more, and say so to those who ask whether the gateway is ready.
        case refuseCalls
        /// Ask clients that can to go on at another gateway, until calls are ended.
        case moveCalls(Instant)
        /// Tell all clients that the gateway goes, and close when they have gone.
        case endCalls(Cause)
        /// End the process now.
        case exit
    }

    private enum State: Sendable {
        case serving
        /// - Parameters:
        ///   - notice: until then the listener stays open even if no call is left, and balancers notice; then clients are
        ///     asked to move.
        ///   - hasAsked: they have been.
        ///   - end: calls are ended then.
        case draining(notice: Instant, hasAsked: Bool, end: Instant)
        case ending
        case over
    }

    /// Counts from the next signal on.
    package var settings: DrainSettings
    private var state = State.serving
    private var calls = 0
    private var actions: [Action] = []

    package init(_ settings: DrainSettings) { self.settings = settings }

    package var isOver: Bool { if case .over = state { true } else { false } }

    package var nextDeadline: Instant? {
        guard case .draining(let notice, let hasAsked, let end) = state else { return nil }
        return hasAsked ? end : min(notice, end)
    }

    package mutating func poll() -> Action? { actions.isEmpty ? nil : actions.removeFirst() }

    package mutating func handle(_ input: Input, now: Instant) {
        switch (state, input) {
        case (.serving, .terminated) where settings.limit > .zero:
            state = .draining(notice: now + settings.notice, hasAsked: false, end: now + settings.limit)
            actions.append(.refuseCalls)
            handleTimeout(now: now)
        case (.serving, .terminated), (.serving, .interrupted): endCalls(calls == 0 ? .noCalls : .demanded)
        case (.draining, .terminated), (.draining, .interrupted): endCalls(.demanded)
        case (.ending, .terminated), (.ending, .interrupted): actions.append(.exit)
        case (_, .calls(let count)):
            calls = count
            handleTimeout(now: now)
        case (.ending, .ended): state = .over
        case (.serving, .ended), (.draining, .ended), (.over, _): break
        }
    }

    package mutating func handleTimeout(now: Instant) {
        guard case .draining(let notice, let hasAsked, let end) = state else { return }
        if calls == 0, notice <= now {
            endCalls(.noCalls)
        } else if end <= now {
            endCalls(calls == 0 ? .noCalls : .timeIsOver)
        } else if !hasAsked, notice <= now {
            state = .draining(notice: notice, hasAsked: true, end: end)
            actions.append(.moveCalls(end))
        }
    }

    private mutating func endCalls(_ cause: Cause) {
        state = .ending
        actions.append(.endCalls(cause))
    }
}
