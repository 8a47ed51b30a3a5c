internal import Wire

/// Whether our sound arrives while the signalling connection is away: media has a path of its own, and goes on for as long as
/// that lives. Pure.
///
/// When a server dies both are gone at once, and nobody says so on the media path. So sound goes on only when something has
/// come on it since signalling was lost, and until nothing has come for a while.
struct MediaWatch {
    /// So long nothing may come: servers report at least once a second what they receive.
    static let silence = Duration.seconds(2)
    /// How often to look.
    static let interval = Duration.milliseconds(20)

    /// Since when signalling is away; nil while it is there, or when there is no session.
    private var since: Instant?
    private var flows = false

    /// Signalling is lost.
    mutating func begin(now: Instant) {
        since = now
        flows = false
    }

    /// Signalling is back, or the session is gone. Returns whether sound flowed until now.
    mutating func end() -> Bool {
        defer { (since, flows) = (nil, false) }
        return flows
    }

    var isWatching: Bool { since != nil }

    /// Looks at when something came last; returns whether sound flows from now on, and nil when nothing has changed.
    mutating func update(lastArrival: Instant?, now: Instant) -> Bool? {
        guard let since else { return nil }
        let isAlive = lastArrival.map { $0 > since && now - $0 < Self.silence } ?? false
        guard isAlive != flows else { return nil }
        flows = isAlive
        return isAlive
    }
}
