internal import Glibc
internal import Wire

/// The background work of a loop: of each kind in the order in which it came, each owner once.
final class BackgroundQueue {
    /// How much of an iteration background work may take before sockets and timers are looked at again. Packets of
    /// sound come every 20 ms, so they are not late by much.
    ///
    /// The time is the thread's own, without the time in which the machine gave its core to somebody else: a busy machine
    /// would otherwise use the share up, and requests would get nothing but one step an iteration when they need it most.
    static let share: Duration = .milliseconds(2)

    /// By the number of the kind.
    private var lines = BackgroundWork.Kind.allCases.map { _ in FIFO<BackgroundWork>() }

    var isEmpty: Bool { lines.allSatisfy { $0.isEmpty } }

    func append(_ work: BackgroundWork) { lines[work.kind.rawValue].append(work) }

    /// Does steps, of the kinds by turns, until the share is used up or nothing is left; at least one of each kind.
    ///
    /// - Parameter clock: the CPU time of the thread.
    /// - Returns: how many.
    func run(clock: () -> Duration) -> Int {
        guard !isEmpty else { return 0 }
        let end = clock() + Self.share
        var steps = 0
        repeat {
            for line in lines.indices {
                guard let work = lines[line].popFirst() else { continue }
                work.run()
                steps += 1
            }
        } while !isEmpty && clock() < end
        return steps
    }

    /// The CPU time that the calling thread has used.
    static func threadTime() -> Duration {
        var time = timespec()
        // SAFETY: the structure is written to during the call only.
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
