internal import ClientProtocol
internal import Wire

/// Data of participants whom the room has not introduced yet: data and the news of who joined travel on different ways,
/// so an agent's first packets may overtake it. Keeps them in their order until then, or until nobody has introduced
/// their sender in time. Pure.
struct UnintroducedData {
    /// Packets that are kept, at most.
    static let maximumCount = 64

    private var waiting: [(message: ApplicationData, until: Instant)] = []
    private let grace: Duration

    init(grace: Duration) { self.grace = grace }

    /// When `take` wants to be called although nobody was introduced.
    var nextDeadline: Instant? { waiting.first?.until }

    /// Keeps the data of a participant who is not known; false when too many wait.
    mutating func keep(_ message: ApplicationData, now: Instant) -> Bool {
        guard waiting.count < Self.maximumCount else { return false }
        waiting.append((message, now + grace))
        return true
    }

    /// Takes what need not wait any longer.
    mutating func take(now: Instant, isKnown: (_ identity: String) -> Bool) -> [ApplicationData] {
        guard !waiting.isEmpty else { return [] }
        var taken: [ApplicationData] = []
        waiting.removeAll { message, deadline in
            guard deadline <= now || isKnown(message.sender) else { return false }
            taken.append(message)
            return true
        }
        return taken
    }
}
