internal import CLibUV
internal import Glibc

/// A thread that does the same small thing again and again, beside the loops. For what would block them: Swift's own pool
/// is no place for it either, since each wake-up keeps threads of the pool alive that would end otherwise.
package final class PeriodicThread: Sendable {
    private let end = Gate()
    private let thread: pthread_t

    /// Starts the thread.
    /// - Parameters:
    ///   - name: shown by the debugger and in `/proc`; 15 bytes are kept.
    ///   - interval: the time before the first `step`, and between the end of one and the beginning of the next.
    ///   - state: what the steps remember.
    package init<State: Sendable>(
        name: String, interval: Duration, state: State, step: @escaping @Sendable (inout State) -> Void
    ) throws(EventLoopError) {
        thread = try LoopThread.spawn { [end] in
            // SAFETY: the name is copied.
            unsafe name.withCString { unsafe gateway_name_thread($0) }
            var state = state
            while !end.wait(for: interval) { step(&state) }
        }
    }

    /// Ends the thread after the step that it is in, and waits for that. To be called once.
    package func stop() {
        end.open()
        // SAFETY: the thread was made joinable, and is joined here only.
        pthread_join(thread, nil)
    }
}
