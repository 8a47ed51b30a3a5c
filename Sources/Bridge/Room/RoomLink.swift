/// The session's connection to its room, and whether anything can be sent on it.
struct RoomLink {
    var connection: (any RoomConnection)?
    private(set) var isJoined = false
    /// The connection broke and is being made again.
    var isInterrupted = false

    /// The connection, when messages can be sent on it at this moment.
    var open: (any RoomConnection)? { isJoined && !isInterrupted ? connection : nil }

    /// The room is joined; false when it was before.
    mutating func join() -> Bool {
        defer { isJoined = true }
        return !isJoined
    }

    mutating func leave(_ departure: RoomDeparture) {
        connection?.leave(departure)
        connection = nil
        isJoined = false
    }
}
