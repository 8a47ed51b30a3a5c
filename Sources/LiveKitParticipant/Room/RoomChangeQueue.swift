internal import EventLoops
internal import Wire

/// Tells the changes of a room in their order: few at once, many in steps, so that a room of ten thousand people whom one
/// message brings does not hold up the calls beside it. Belongs to the loop's thread.
final class RoomChangeQueue {
    /// Changes that are told in one step.
    static let changesInStep = 32
    /// When more would wait, the oldest are told at once.
    static let maximumWaitingChanges = 65_536

    private var waiting = FIFO<RoomChange>()
    private var work: BackgroundWork?
    private var tell: (([RoomChange]) -> Void)?

    /// - Parameter tell: takes the next changes. Kept until `cancel`; capture owners weakly.
    init(loop: EventLoop, tell: @escaping ([RoomChange]) -> Void) {
        self.tell = tell
        work = BackgroundWork(.messages, loop: loop) { [weak self] in self?.step() ?? false }
    }

    /// Takes the changes that one message brought.
    func append(_ changes: [RoomChange]) {
        if waiting.isEmpty, changes.count <= Self.changesInStep {
            tell?(changes)
            return
        }
        for change in changes { waiting.append(change) }
        while waiting.count > Self.maximumWaitingChanges { step() }
        work?.request()
    }

    /// Nothing is told any more.
    func cancel() {
        tell = nil
        work?.cancel()
        waiting.removeAll()
    }

    /// - Returns: whether there are more.
    @discardableResult
    private func step() -> Bool {
        var changes: [RoomChange] = []
        while changes.count < Self.changesInStep, let change = waiting.popFirst() { changes.append(change) }
        tell?(changes)
        return !waiting.isEmpty
    }
}
