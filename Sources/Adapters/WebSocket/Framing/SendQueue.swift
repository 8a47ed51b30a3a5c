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
        let buffer: FrameBuffer
    }

    private var required = FIFO<Entry>(keepingCapacity: 1024)
    private var droppable = FIFO<Entry>(keepingCapacity: 1024)
    private var nextNumber: UInt64 = 0

    /// Bytes of waiting frames that must arrive.
    private(set) var requiredBytes = 0
    /// Bytes of waiting frames that may be given up.
    private(set) var droppableBytes = 0

    var isEmpty: Bool { required.isEmpty && droppable.isEmpty }
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
        guard let entry = required.popFirst() else { return nil }
        requiredBytes -= entry.buffer.count
        return entry.buffer
    }

    /// Takes the oldest frame that may be given up.
    mutating func popOldestDroppable() -> FrameBuffer? {
        guard let entry = droppable.popFirst() else { return nil }
        droppableBytes -= entry.buffer.count
        return entry.buffer
    }
}
