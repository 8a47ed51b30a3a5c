internal import EventLoops
internal import Glibc
internal import Observability

/// The event loops of the process, and the signals that end it.
final class ProcessLoops: Sendable {
    let loops: [EventLoop]
    private let log: Log

    /// Starts `count` loops.
    init(_ count: Int, name: String, log: Log) throws(EventLoopError) {
        self.log = log
        var started: [EventLoop] = []
        for number in 0..<count {
            do throws(EventLoopError) {
                let loop = try EventLoop(name: count == 1 ? name : "\(name) \(number)")
                try loop.start()
                started.append(loop)
            } catch {
                for loop in started {
                    loop.stop()
                    loop.join()
                }
                throw error
            }
        }
        loops = started
    }

    /// As many as there are cores that the process may use.
    static var defaultCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Waits for Ctrl-C or a polite kill, and runs `goodbye` then. A second signal ends the process at once, for people
    /// who will not wait.
    ///
    /// - Parameter goodbye: what to do before the loops stop.
    func runUntilSignal(goodbye: () async -> Void) async throws(EventLoopError) {
        let signals = try await ProcessSignals.hear(ProcessSignals.Signal.ending, on: loops[0])
        var iterator = signals.signals.makeAsyncIterator()
        if let signal = await iterator.next() { log.info("stopping", ["signal": "\(signal)"]) }
        let impatience = Task {
            for await signal in signals.signals { exit(128 + signal.rawValue) }
        }
        await goodbye()
        impatience.cancel()
        await signals.close()
    }

    /// Stops the loops and waits for their threads. What is still open then is a fault, and named in the log.
    func stop() {
        for loop in loops { loop.stop() }
        for loop in loops {
            let leftovers = loop.join()
            if !leftovers.isEmpty {
                log.error("left open", ["loop": loop.name, "handles": leftovers.joined(separator: ", ")])
            }
        }
    }
}
