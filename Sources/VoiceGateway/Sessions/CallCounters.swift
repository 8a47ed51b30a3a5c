internal import Bridge
internal import Observability
internal import Wire

/// Counts what calls go through on their way, over all loops.
struct CallCounters: Sendable {
    private let dispatches: [Bool: Counter]
    private let agentTimeouts: Counter
    private let roomLosses: Counter
    private let roomReturns: Counter
    private let resumptions: Counter
    private let firstSound: Histogram
    private let replies: Histogram

    init(_ metrics: Metrics) {
        dispatches = metrics.counters(
            "voicegateway_dispatches_total", help: "Agents that calls have asked the room server for.",
            label: "result", of: [true, false], text: { $0 ? "ok" : "failed" })
        agentTimeouts = metrics.counter(
            "voicegateway_agent_timeouts_total", help: "Callers who were told that no agent has come in time.")
        roomLosses = metrics.counter(
            "voicegateway_room_interruptions_total", help: "How often a call has lost its connection to the room.")
        roomReturns = metrics.counter(
            "voicegateway_room_reconnects_total", help: "How often a call has got back to its room.")
        resumptions = metrics.counter(
            "voicegateway_resumes_total", help: "How often a client has come back to its session here.")
        firstSound = metrics.histogram(
            "voicegateway_first_sound_seconds", help: "From the open WebSocket to the agent's first sound.")
        replies = metrics.histogram(
            "voicegateway_reply_seconds", help: "From the caller's last word to the agent's reply.")
    }

    /// - Parameter age: how long the call has lasted.
    func note(_ milestone: SessionMilestone, age: Duration) {
        switch milestone {
        case .joined: break
        case .dispatched(_, let failure): dispatches[failure == nil]?.add()
        case .agentMissing: agentTimeouts.add()
        case .roomLost: roomLosses.add()
        case .roomBack: roomReturns.add()
        case .clientBack: resumptions.add()
        case .firstSound: firstSound.add(nanoseconds: age.nanoseconds)
        case .reply(let latency): replies.add(nanoseconds: latency.nanoseconds)
        }
    }
}
