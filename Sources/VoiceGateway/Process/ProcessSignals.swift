internal import EventLoops
internal import Glibc

/// The signals of a process, from the moment on at which it hears them.
struct ProcessSignals: Sendable {
    typealias Signal = SignalWatcher.Signal

    /// In their order; those that came before somebody listens wait.
    let signals: AsyncStream<Signal>
    private let loop: EventLoop
    private let watchers: LoopBound<[SignalWatcher]>

    /// - Parameter loop: where they are heard.
    static func hear(_ heard: [Signal], on loop: EventLoop) async throws(EventLoopError) -> ProcessSignals {
        let (signals, continuation) = AsyncStream<Signal>.makeStream()
        let hasTerminal = isatty(STDIN_FILENO) == 1
        let watchers = try await loop.run { () throws(EventLoopError) in
            LoopBound(
                try SignalWatcher.watch(heard, on: loop) { signal in
                    // Without the terminal that it was started from, nobody can end the process by Ctrl-C any more.
                    let isEnd = signal == .hangUp && hasTerminal && isatty(STDIN_FILENO) == 0
                    continuation.yield(isEnd ? .interrupt : signal)
                }, on: loop)
        }
        return ProcessSignals(signals: signals, loop: loop, watchers: watchers)
    }

    func close() async { await loop.run { for watcher in watchers.value { watcher.close() } } }
}
