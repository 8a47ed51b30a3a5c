/// Whether a message may be given up when the peer reads too slowly.
package enum WebSocketPriority: Hashable, Sendable {
    /// JSON and signalling: delivered, or the connection ends.
    case required
    /// Audio: the oldest goes first when there is too much of it.
    case droppable
}

/// Frames that wait until the connection takes them, in the order in which they were sent.
///
/// Two lines, one for each priority, so that dropping the oldest audio is a step at the front of its line; numbers
/// keep the order across both.
struct SendQueue {
    private struct Entry {
        let number: UInt64
        let buffer: FrameBuffer
    }

    /// A first-in-first-out line that gives back its memory in bulk.
    private struct Line {
        private var entries: [Entry] = []
        private var head = 0

        var first: Entry? { head < entries.count ? entries[head] : nil }
        var count: Int { entries.count - head }

        mutating func append(_ entry: Entry) { entries.append(entry) }

        mutating func removeFirst() {
            head += 1
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
    private var droppable = Line()
    private var nextNumber: UInt64 = 0

    /// Bytes of waiting frames that must arrive.
    private(set) var requiredBytes = 0
    /// Bytes of waiting frames that may be given up.
    private(set) var droppableBytes = 0

    var isEmpty: Bool { required.count == 0 && droppable.count == 0 }
    var bytes: Int { requiredBytes + droppableBytes }

    mutating func append(_ buffer: FrameBuffer, _ priority: WebSocketPriority) {
        let entry = Entry(number: nextNumber, buffer: buffer)
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

    /// The frame whose turn it is.
    var first: FrameBuffer? {
        switch (required.first, droppable.first) {
        case (let left?, let right?): left.number < right.number ? left.buffer : right.buffer
        case (let left?, nil): left.buffer
        case (nil, let right?): right.buffer
        case (nil, nil): nil
        }
    }

    /// Takes the frame whose turn it is.
    mutating func popFirst() -> FrameBuffer? {
        let isRequired =
            switch (required.first, droppable.first) {
            case (let left?, let right?): left.number < right.number
            case (_?, nil): true
            default: false
            }
        guard isRequired else { return popOldestDroppable() }
        guard let entry = required.first else { return nil }
        required.removeFirst()
        requiredBytes -= entry.buffer.count
        return entry.buffer
    }

    /// Takes the oldest frame that may be given up.
    mutating func popOldestDroppable() -> FrameBuffer? {
        guard let entry = droppable.first else { return nil }
        droppable.removeFirst()
        droppableBytes -= entry.buffer.count
        return entry.buffer
    }
}
