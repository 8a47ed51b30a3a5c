internal import ClientProtocol

/// Messages of the client that wait, in their order, until somebody in the room can take them. Pure.
struct UndeliveredMessages {
    /// Messages that wait, at most.
    static let maximumCount = 64

    private var waiting: [ClientEvent] = []

    /// Keeps a message; false when too many wait.
    mutating func keep(_ event: ClientEvent) -> Bool {
        guard waiting.count < Self.maximumCount else { return false }
        waiting.append(event)
        return true
    }

    /// Takes all of them.
    mutating func takeAll() -> [ClientEvent] {
        defer { waiting = [] }
        return waiting
    }
}
