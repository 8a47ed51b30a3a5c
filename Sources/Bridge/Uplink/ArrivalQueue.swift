package import Wire

/// When each waiting frame was complete, in order. Storage is reused.
package struct ArrivalQueue: Sendable {
    private var instants = FIFO<Instant>(keepingCapacity: .max)

    package init() {}

    package var count: Int { instants.count }
    /// When the youngest was complete.
    package var newest: Instant? { instants.last }

    /// So many wait now, of which the new ones were complete at `now`.
    ///
    /// - Parameter dropped: of the oldest, so many gave way.
    package mutating func append(_ now: Instant, of waiting: Int, dropped: Int = 0) {
        for _ in 0..<dropped { _ = pop() }
        while count > waiting { _ = pop() }
        while count < waiting { instants.append(now) }
    }

    /// Takes the oldest.
    package mutating func pop() -> Instant? { instants.popFirst() }

    /// Forgets those that do not stay, the oldest at 0.
    package mutating func keep(_ stays: [Bool]) {
        for index in 0..<count {
            guard let instant = pop() else { return }
            if index >= stays.count || stays[index] { instants.append(instant) }
        }
    }

    package mutating func removeAll() { instants.removeAll() }
}
