internal import CLibUV
internal import Glibc

/// Hears a POSIX signal on a loop instead of dying of it. (SIGPIPE is ignored as soon as there is a loop.)
///
/// Belongs to the loop's thread.
package final class SignalWatcher: LoopHandle {
    /// The signals that somebody may wait for.
    package enum Signal: Int32, Sendable {
        /// The terminal has gone; for processes that have none, what the operator says who has changed their settings.
        case hangUp = 1
        /// Ctrl-C.
        case interrupt = 2
        /// The polite way to end a process: `kill`, `docker stop`.
        case terminate = 15

        /// Those that are to end the process.
        package static let ending: [Signal] = [.interrupt, .terminate]
    }

    private var handler: (() -> Void)?
    private let signal: Signal

    package init(loop: EventLoop, _ signal: Signal, handler: @escaping () -> Void) throws(EventLoopError) {
        self.signal = signal
        self.handler = handler
        // SAFETY: the loop, and with it its handle, outlives its watchers.
        let raw = unsafe loop.raw
        try unsafe super.init(loop: loop, type: UV_SIGNAL, label: "watcher of signal \(signal)") { memory in
            unsafe uv_signal_init(raw, memory.assumingMemoryBound(to: uv_signal_t.self))
        }
        // SAFETY: the owner outlives its callbacks.
        let code = unsafe uv_signal_start(
            pointer(as: uv_signal_t.self),
            { handle, _ in
                guard let handle = unsafe handle else { return }
                unsafe LoopHandle.owner(of: handle.pointee.data, as: SignalWatcher.self).handler?()
            }, signal.rawValue)
        guard code == 0 else {
            close()
            throw EventLoopError(code, operation: "watch signal \(signal)")
        }
    }

    /// Watches several signals.
    package static func watch(
        _ signals: [Signal], on loop: EventLoop, handler: @escaping (Signal) -> Void
    ) throws(EventLoopError) -> [SignalWatcher] {
        var watchers: [SignalWatcher] = []
        for signal in signals { watchers.append(try SignalWatcher(loop: loop, signal) { handler(signal) }) }
        return watchers
    }

    override func willClose() { handler = nil }
}
