internal import ClientProtocol
internal import Wire

/// Decides when somebody in the room hears the caller, so that no word is sent before.
///
/// An agent hears when it has subscribed to the caller's track and shows that its session runs, by any state beyond
/// `initializing`. Agents that show no state are given a moment, and more of it when they are of a framework whose agents
/// show one as soon as their session runs: until then nobody listens. Without an agent to wait for, and when none has come in
/// time but other people are there, the sound goes as soon as the track is published. Pure.
struct Hearing {
    /// Who is there to hear the caller.
    struct Audience {
        var hasAgent = false
        /// The first agent's; nil while it shows none.
        var agentState: AgentState?
        /// The first agent shows no state yet, but will: see `Roster.isAgentStarting`.
        var isAgentStarting = false
        var hasPeople = false
        /// Whether an agent is supposed to come.
        var expectsAgent = true
    }

    /// What the publication of a track means.
    enum Publication: Hashable {
        case first
        case again
        /// The connection to the room was made anew, with another track that nobody hears yet.
        case replaced
    }

    private(set) var isHeard = false
    /// When the room was joined, and when the caller was heard for the first time.
    private(set) var joined: Instant?
    private(set) var firstHeard: Instant?
    private var track: String?
    private var isSubscribed = false
    /// Since when the agent has everything that it needs to hear the caller but a sign that it does.
    private var hearableSince: Instant?
    /// How long after that a sign is waited for.
    private var grace = Duration.zero
    private let limits: Limits

    init(limits: Limits) { self.limits = limits }

    /// When `update` wants to be called although nothing has happened.
    var nextDeadline: Instant? { isHeard ? nil : hearableSince.map { $0 + grace } }

    mutating func noteJoined(now: Instant) { joined = joined ?? now }

    mutating func notePublished(_ new: String) -> Publication {
        let old = track
        track = new
        guard let old else { return .first }
        guard old != new else { return .again }
        forget()
        return .replaced
    }

    mutating func noteSubscribed() { isSubscribed = true }

    /// No agent is left: the next one has not heard anything yet.
    mutating func noteAgentsGone() { forget() }

    private mutating func forget() {
        isSubscribed = false
        isHeard = false
        hearableSince = nil
    }

    /// Looks whether the caller is heard; true when that begins.
    mutating func update(_ audience: Audience, now: Instant) -> Bool {
        guard !isHeard, track != nil, isHearing(audience, now: now) else { return false }
        isHeard = true
        hearableSince = nil
        if firstHeard == nil { firstHeard = now }
        return true
    }

    private mutating func isHearing(_ audience: Audience, now: Instant) -> Bool {
        guard audience.hasAgent else {
            hearableSince = nil
            let isOverdue = joined.map { now - $0 >= limits.agentTimeout } ?? false
            return !audience.expectsAgent || (audience.hasPeople && isOverdue)
        }
        guard audience.agentState != .initializing else {
            hearableSince = nil
            return false
        }
        let hasState = audience.agentState != nil
        if isSubscribed, hasState { return true }
        // One of the two signs is missing: some agents show no state, and a track that somebody else has subscribed to
        // earlier is not reported again.
        guard isSubscribed || hasState else { return false }
        let since = hearableSince ?? now
        hearableSince = since
        grace = audience.isAgentStarting ? limits.startingAgentGrace : limits.silentAgentGrace
        return now - since >= grace
    }
}
