package import Wire

/// When each waiting frame was complete, in order. Storage is reused.
package struct ArrivalQueue: Sendable {
    private var instants: [Instant] = []
    private var head = 0

    package init() {}

    package var count: Int { instants.count - head }
    /// When the youngest was complete.
    package var newest: Instant? { count > 0 ? instants.last : nil }

    /// So many wait now, of which the new ones were complete at `now`.
    ///
    /// - Parameter dropped: of the oldest, so many gave way.
    package mutating func append(_ now: Instant, of waiting: Int, dropped: Int = 0) {
        for _ in 0..<dropped { _ = pop() }
        while count > waiting { _ = pop() }
        while count < waiting { instants.append(now) }
    }

    /// Takes the oldest.
    package mutating func pop() -> Instant? {
        guard head < instants.count else { return nil }
        defer {
            head += 1
            if head == instants.count {
                instants.removeAll(keepingCapacity: true)
                head = 0
            } else if head > 64, head * 2 > instants.count {
                instants.removeFirst(head)
                head = 0
            }
        }
        return instants[head]
    }

    package mutating func removeAll() {
        instants.removeAll(keepingCapacity: true)
        head = 0
    }
}
