internal import Wire

/// One deadline in the heap of a loop. The entry knows its place, so that postponing and cancelling cost no search.
final class TimerEntry {
    /// Where the entry is in the heap; -1 when it is not in it.
    fileprivate(set) var index = -1
    fileprivate(set) var deadline = Instant.zero
    /// Equal deadlines go off in the order of arming.
    fileprivate var serial: UInt64 = 0
    let fire: () -> Void

    init(fire: @escaping () -> Void) { self.fire = fire }

    fileprivate func isBefore(_ other: TimerEntry) -> Bool {
        deadline == other.deadline ? serial < other.serial : deadline < other.deadline
    }
}

/// A binary heap of deadlines, the earliest first.
final class TimerHeap {
    private var entries: [TimerEntry] = []
    private var nextSerial: UInt64 = 0

    var earliest: Instant? { entries.first?.deadline }
    var count: Int { entries.count }

    /// Puts the entry in, or moves it when it is in already.
    func arm(_ entry: TimerEntry, at deadline: Instant) {
        entry.deadline = deadline
        entry.serial = nextSerial
        nextSerial &+= 1
        if entry.index < 0 {
            entry.index = entries.count
            entries.append(entry)
            siftUp(entry.index)
        } else {
            siftUp(entry.index)
            siftDown(entry.index)
        }
    }

    func cancel(_ entry: TimerEntry) {
        let index = entry.index
        guard index >= 0 else { return }
        entry.index = -1
        let last = entries.removeLast()
        guard last !== entry else { return }
        entries[index] = last
        last.index = index
        siftUp(index)
        siftDown(last.index)
    }

    /// Fires all that is due. What gets armed meanwhile waits for the next iteration, so that a timer that is always due
    /// cannot keep the loop for itself.
    func fire(now: Instant) {
        let limit = nextSerial
        while let first = entries.first, first.deadline <= now, first.serial < limit {
            cancel(first)
            first.fire()
        }
    }

    private func siftUp(_ start: Int) {
        var index = start
        let entry = entries[index]
        while index > 0 {
            let parent = (index - 1) / 2
            guard entry.isBefore(entries[parent]) else { break }
            place(entries[parent], at: index)
            index = parent
        }
        place(entry, at: index)
    }

    private func siftDown(_ start: Int) {
        var index = start
        let entry = entries[index]
        while true {
            var child = 2 * index + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].isBefore(entries[child]) { child += 1 }
            guard entries[child].isBefore(entry) else { break }
            place(entries[child], at: index)
            index = child
        }
        place(entry, at: index)
    }

    private func place(_ entry: TimerEntry, at index: Int) {
        entries[index] = entry
        entry.index = index
    }
}
