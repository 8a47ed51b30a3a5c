/// Carries a value that belongs to a loop's thread through code that runs elsewhere. The value can only be looked at,
/// and goes away, on the loop.
// SAFETY: only the thread of the loop touches the value.
package final class LoopBound<Value>: @unchecked Sendable {
    private let loop: EventLoop
    private var stored: Value?

    /// Call it on the loop.
    package init(_ value: Value, on loop: EventLoop) {
        loop.preconditionCurrent("a loop-bound value")
        self.loop = loop
        stored = value
    }

    deinit {
        guard !loop.isCurrent else { return }
        // SAFETY: deinit is the last to touch the value; from here only the loop's thread does.
        nonisolated(unsafe) let last = stored
        loop.execute { unsafe withExtendedLifetime(last) {} }
        stored = nil
    }

    /// Traps off the loop.
    package var value: Value {
        loop.preconditionCurrent("a loop-bound value")
        guard let stored else { preconditionFailure("a loop-bound value is there until deinit") }
        return stored
    }
}
