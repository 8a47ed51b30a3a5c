internal import Wire

/// Whether the peer lives: one that says nothing for a while is pinged, and given up when it does not answer
/// (RFC 6455 section 5.5.2). Time in, decisions out.
struct PeerLiveness {
    /// What is to be done when time is up.
    enum Action: Hashable {
        case wait(until: Instant)
        case ping(until: Instant)
        case giveUp
    }

    /// How long the peer may say nothing before it is pinged.
    private let interval: Duration
    /// How long after a ping it may go on to say nothing.
    private let timeout: Duration
    private var lastSign: Instant
    private var isAwaitingSign = false

    /// Nil when the peer is never pinged.
    init?(_ configuration: WebSocketConfiguration, now: Instant) {
        guard let interval = configuration.pingInterval else { return nil }
        self.interval = interval
        timeout = configuration.pongTimeout
        lastSign = now
    }

    /// The peer has sent something.
    ///
    /// - Returns: when `handleTimeout` wants to be called, where that has changed.
    mutating func noteSign(now: Instant) -> Instant? {
        lastSign = now
        guard isAwaitingSign else { return nil }
        isAwaitingSign = false
        return now + interval
    }

    /// - Parameter isDeaf: nothing is read from the peer, so nothing can be concluded from its silence.
    mutating func handleTimeout(isDeaf: Bool, now: Instant) -> Action {
        let due = lastSign + (isAwaitingSign ? timeout : interval)
        if isDeaf { return .wait(until: now + interval) }
        if now < due { return .wait(until: due) }
        if isAwaitingSign { return .giveUp }
        isAwaitingSign = true
        lastSign = now
        return .ping(until: now + timeout)
    }
}
