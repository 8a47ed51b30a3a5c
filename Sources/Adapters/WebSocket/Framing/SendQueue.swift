internal import Wire

/// Whether a message may be given up when the peer reads too slowly.
package enum WebSocketPriority: Hashable, Sendable {
    /// JSON and signalling: delivered, or the connection ends.
    case required
    /// Audio: the oldest goes first when there is too much of it.
    case droppable
}

/// Frames that wait until the connection takes them, in the order in which they were sent.
///
/// One queue for each priority, so that the oldest audio is dropped in one step; numbers keep the order across both.
struct SendQueue {
    private struct Entry {
        let number: UInt64
        /// Nil when a later frame has taken its place.
        var buffer: FrameBuffer?
        /// What a later frame of the same key replaces.
        var key: String?
    }

    /// A FIFO out of whose middle entries can be taken. Its first entry always has a buffer.
    private struct Line {
        private var entries: [Entry] = []
        private var head = 0
        /// Entries behind the head that have no buffer any more.
        private var gaps = 0

        var first: Entry? { head < entries.count ? entries[head] : nil }
        var count: Int { entries.count - head - gaps }

        mutating func append(_ entry: Entry) { entries.append(entry) }

        mutating func removeFirst() {
            head += 1
            skipGaps()
        }

        /// Takes the buffer of the entry with this number out of the line.
        mutating func take(_ number: UInt64) -> FrameBuffer? {
            var low = head
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                if entries[middle].number < number { low = middle + 1 } else { high = middle }
            }
            guard low < entries.count, entries[low].number == number, let buffer = entries[low].buffer else {
                return nil
            }
            entries[low].buffer = nil
            gaps += 1
            if low == head {
                skipGaps()
            } else if gaps >= 256, gaps * 2 >= entries.count - head {
                entries.removeSubrange(..<head)
                entries.removeAll { $0.buffer == nil }
                head = 0
                gaps = 0
            }
            return buffer
        }

        private mutating func skipGaps() {
            while head < entries.count, entries[head].buffer == nil {
                head += 1
                gaps -= 1
            }
            if head == entries.count {
                entries.removeAll(keepingCapacity: entries.capacity <= 1024)
                head = 0
            } else if head >= 256, head * 2 >= entries.count {
                entries.removeFirst(head)
                head = 0
            }
        }
    }

    private var required = Line()
    private var droppable = FIFO<Entry>(keepingCapacity: 1024)
    private var nextNumber: UInt64 = 0
    /// The waiting frames that a later one may replace.
    private var replaceable: [String: UInt64] = [:]

    /// Bytes of waiting frames that must arrive.
    private(set) var requiredBytes = 0
    /// Bytes of waiting frames that may be given up.
    private(set) var droppableBytes = 0

    var isEmpty: Bool { required.count == 0 && droppable.isEmpty }
    var bytes: Int { requiredBytes + droppableBytes }

    /// - Parameter key: what a later frame replaces with `takeReplaced`, as long as this one waits.
    mutating func append(_ buffer: FrameBuffer, _ priority: WebSocketPriority, key: String? = nil) {
        let entry = Entry(number: nextNumber, buffer: buffer, key: key)
        if let key { replaceable[key] = nextNumber }
        nextNumber += 1
        switch priority {
        case .required:
            required.append(entry)
            requiredBytes += buffer.count
        case .droppable:
            droppable.append(entry)
            droppableBytes += buffer.count
        }
    }

    /// Takes the frame that must arrive and waits under this key.
    mutating func takeReplaced(_ key: String) -> FrameBuffer? {
        guard let number = replaceable.removeValue(forKey: key), let buffer = required.take(number) else { return nil }
        requiredBytes -= buffer.count
        return buffer
    }

    /// The oldest frame.
    var first: FrameBuffer? {
        switch (required.first, droppable.first) {
        case (let left?, let right?): left.number < right.number ? left.buffer : right.buffer
        case (let left?, nil): left.buffer
        case (nil, let right?): right.buffer
        case (nil, nil): nil
        }
    }

    /// Takes the oldest frame.
    mutating func popFirst() -> FrameBuffer? {
        let isRequired =
            switch (required.first, droppable.first) {
            case (let left?, let right?): left.number < right.number
            case (_?, nil): true
            default: false
            }
        guard isRequired else { return popOldestDroppable() }
        guard let entry = required.first, let buffer = entry.buffer else { return nil }
        required.removeFirst()
        requiredBytes -= buffer.count
        if let key = entry.key, replaceable[key] == entry.number { replaceable[key] = nil }
        return buffer
    }

    /// Takes the oldest frame that may be given up.
    mutating func popOldestDroppable() -> FrameBuffer? {
        guard let buffer = droppable.popFirst()?.buffer else { return nil }
        droppableBytes -= buffer.count
        return buffer
    }
}
