/// A column of the table of calls.
package enum CallColumn: String, CaseIterable, Sendable {
    // In the order in which they stand.
    case session, room, identity, agent, dialect, address, gateway, state, time, first, replies, cut, queued, delay,
        lost, dropped, back

    package var title: String { rawValue.uppercased() }

    /// What it shows, in a few words.
    package var meaning: String {
        switch self {
        case .session: "the session's id"
        case .room: "the room"
        case .identity: "who calls"
        case .agent: "the agent that was asked for"
        case .dialect: "what the client speaks"
        case .address: "where the client is"
        case .gateway: "the gateway that has the call"
        case .state: "what the agent does, or how far the call is"
        case .time: "how long the call lasts"
        case .first: "milliseconds until the agent was heard"
        case .replies: "replies of the agent"
        case .cut: "replies that were interrupted"
        case .queued: "milliseconds of the caller's sound that wait"
        case .delay: "the longest that the caller's sound has waited, in milliseconds"
        case .lost: "milliseconds of the agent's sound that got lost"
        case .dropped: "what was given up: milliseconds of the caller's sound, messages to the caller"
        case .back: "times that a connection came back"
        }
    }

    /// Numbers stand to the right, and the largest comes first when they are sorted.
    var isNumber: Bool { CallColumn.time.place <= place }

    /// Which column goes first when there is not enough room; those without a number stay.
    var dispensability: Int? {
        switch self {
        case .gateway: 10
        case .dialect: 9
        case .address: 8
        case .back: 7
        case .cut: 6
        case .agent: 5
        case .first: 4
        case .delay: 3
        case .replies: 2
        case .session: 1
        case .room, .identity, .state, .time, .queued, .lost, .dropped: nil
        }
    }

    /// Columns of characters that a text has at least.
    var leastWidth: Int { self == .state ? 9 : 6 }

    private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    func text(of row: CallRow) -> String {
        switch self {
        case .session: row.session
        case .room: row.room
        case .identity: row.identity
        case .agent: row.agent
        case .dialect: row.dialect
        case .address: row.address
        case .gateway: row.gateway
        case .state: row.state == "agent_present" && !row.agentState.isEmpty ? row.agentState : row.state
        case .time: Self.clock(row.seconds)
        case .first: row.firstSound.map { "\($0)" } ?? "-"
        case .replies: "\(row.replies)"
        case .cut: "\(row.interruptions)"
        case .queued: "\(row.queued)"
        case .delay: "\(row.longestDelay)"
        case .lost: "\(row.lost)"
        case .dropped: "\(row.dropped)"
        case .back: "\(row.returns)"
        }
    }

    /// `1:02:03`, `2:03`.
    static func clock(_ seconds: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(seconds % 60))" : "\(minutes):\(two(seconds % 60))"
    }

    /// Whether one row stands before another.
    func puts(_ one: CallRow, before other: CallRow) -> Bool {
        switch self {
        case .time: one.seconds > other.seconds
        case .first: one.firstSound ?? -1 > other.firstSound ?? -1
        case .replies: one.replies > other.replies
        case .cut: one.interruptions > other.interruptions
        case .queued: one.queued > other.queued
        case .delay: one.longestDelay > other.longestDelay
        case .lost: one.lost > other.lost
        case .dropped: one.dropped > other.dropped
        case .back: one.returns > other.returns
        case .session, .room, .identity, .agent, .dialect, .address, .gateway, .state:
            text(of: one) < text(of: other)
        }
    }
}
