internal import EventLoops

/// An event loop of a command's own, for the one thing that the command does.
enum CommandLoop {
    /// Starts something on a new loop and waits until it is over. Ctrl-C and a polite kill interrupt it.
    ///
    /// - Parameters:
    ///   - start: called on the loop; what it returns is kept until it has called `completion`.
    ///   - interrupt: called on the loop, for each signal.
    /// - Returns: what `completion` was called with; nil when the task was cancelled before.
    static func run<Work, Outcome: Sendable>(
        name: String,
        start: @escaping @Sendable (_ loop: EventLoop, _ completion: @escaping (Outcome) -> Void) -> Work,
        interrupt: @escaping @Sendable (Work) -> Void
    ) async throws(EventLoopError) -> Outcome? {
        let loop = try EventLoop(name: name)
        try loop.start()
        let outcome = await outcome(on: loop, start, interrupt)
        loop.stop()
        loop.join()
        return outcome
    }

    private static func outcome<Work, Outcome: Sendable>(
        on loop: EventLoop,
        _ start: @escaping @Sendable (EventLoop, @escaping (Outcome) -> Void) -> Work,
        _ interrupt: @escaping @Sendable (Work) -> Void
    ) async -> Outcome? {
        let (outcomes, continuation) = AsyncStream<Outcome>.makeStream()
        let watchers = await loop.run {
            let work = start(loop) { continuation.yield($0) }
            let watchers = SignalWatcher.Signal.ending.compactMap { signal in
                // Without a watcher the signal ends the process.
                try? SignalWatcher(loop: loop, signal) { interrupt(work) }
            }
            return LoopBound((work, watchers), on: loop)
        }
        var iterator = outcomes.makeAsyncIterator()
        let outcome = await iterator.next()
        await loop.run { for watcher in watchers.value.1 { watcher.close() } }
        return outcome
    }
}
