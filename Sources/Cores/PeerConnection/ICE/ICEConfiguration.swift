/// Consent checks that are not answered are repeated soon, so that a dead path is told from a lossy one within seconds. For UDP
/// straight to the peer alone: TCP may stand still for as long while it repeats what was lost.
package struct ICEConsentRetry: Sendable {
    /// How long the first answer may take.
    package var after = Duration.milliseconds(300)
    /// How often the next checks go out.
    package var every = Duration.milliseconds(100)
    /// How long checks must have gone unanswered. A process that stood still has not asked: its silence is not the peer's.
    package var patience = Duration.milliseconds(700)
    /// Silence after which the state is then `disconnected`.
    package var silence = Duration.seconds(2)

    package init() {}
}

/// Timers and modes of an `ICEAgent`. The defaults are those of the RFCs, except where a comment says otherwise.
package struct ICEConfiguration: Sendable {
    /// We are a lite agent (RFC 8445, section 2.5): answer checks, never send any. Only for hosts that the far
    /// side can reach without our help. Always controlled.
    package var isLite = false
    /// Where we start; a role conflict or a lite peer may change it.
    package var role: ICERole = .controlling
    /// Ta: the pause between two new checks.
    package var checkInterval = Duration.milliseconds(50)
    /// RTO of the first transmission of a check; doubles each time.
    package var initialTimeout = Duration.milliseconds(500)
    /// Where the doubling ends. RFC 8489 lets it grow to 16 s, which is of no use to a caller who waits.
    package var maximumTimeout = Duration.seconds(2)
    /// Rc: how often a check is sent before its pair has failed.
    package var maximumTransmissions = 7
    /// How long the controlling side waits for a better pair once it has a valid one.
    package var nominationPatience = Duration.milliseconds(100)
    /// The middle of the interval between consent checks; each is drawn from 0.8 to 1.2 times this (RFC 7675).
    package var consentInterval = Duration.seconds(5)
    /// How a dead UDP path is told early; nil: it is not.
    package var consentRetry: ICEConsentRetry?
    /// Silence after which the state is `disconnected`.
    package var disconnectedTimeout = Duration.seconds(10)
    /// Without consent for so long the state is `failed` (RFC 7675: 30 s). A lite agent has no consent of its own
    /// and counts silence instead.
    package var consentTimeout = Duration.seconds(30)
    /// Without a selected pair for so long the state is `failed`. Counted from the first check, or from the start
    /// while there is nothing to check. RFC 8863 asks not to fail before about 40 s just because all pairs have
    /// failed so far; 30 s is what callers bear.
    package var establishTimeout = Duration.seconds(30)
    /// How long UDP has before ways over TCP are tried beside it: long enough for an answer from another continent,
    /// short enough for a caller behind a firewall that drops UDP.
    package var streamDelay = Duration.milliseconds(300)
    /// How long a TCP connection may take to open, and a check over it to be answered.
    package var streamTimeout = Duration.seconds(10)
    /// How often UDP is tried again while a detour (TCP, or a relay) carries the data.
    package var directInterval = Duration.seconds(15)
    /// Whether the owner can get addresses at TURN servers; it is then asked for them.
    package var mayRelay = false
    /// Our own credentials; nil draws fresh ones.
    package var credentials: ICECredentials?

    package init(isLite: Bool = false, role: ICERole = .controlling) {
        self.isLite = isLite
        self.role = role
    }
}
