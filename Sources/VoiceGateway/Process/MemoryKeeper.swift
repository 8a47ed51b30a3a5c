internal import EventLoops

/// Gives freed memory back to the system from time to time, beside the loops and not on them.
struct MemoryKeeper {
    /// Often enough that a crowd that has gone is not paid for long, seldom enough to cost nothing.
    static let interval = Duration.seconds(5)

    /// What was free after the last time, in bytes.
    private var known = 0

    /// Whether freed memory is to be looked through: more than a little has been freed or used up since the last time,
    /// also in proportion, because the more there is the longer looking takes.
    mutating func isDue(freeBytes: Int) -> Bool {
        guard abs(freeBytes - known) >= max(ProcessMemory.worthwhile, known / 4) else { return false }
        known = freeBytes
        return true
    }

    /// Begins to look, on a thread of its own.
    static func start() throws(EventLoopError) -> PeriodicThread {
        try PeriodicThread(name: "memory", interval: interval, state: MemoryKeeper()) { keeper in
            if keeper.isDue(freeBytes: ProcessMemory.freeBytes) { ProcessMemory.returnFree() }
        }
    }
}
