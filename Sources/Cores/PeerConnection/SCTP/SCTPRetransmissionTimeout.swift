import Wire

/// The retransmission timeout (RFC 9260 section 6.3), with bounds that suit interactive data.
struct SCTPRetransmissionTimeout {
    static let initial: Duration = .milliseconds(500)
    /// Above the 200 ms by which a peer may delay a SACK.
    static let minimum: Duration = .milliseconds(400)
    /// A path that was away for a while is noticed within this time of its return.
    static let maximum: Duration = .seconds(3)
    /// On a steady path the variance goes to zero, but a SACK may still be delayed: room for that, always.
    static let minimumVariance: Duration = .milliseconds(220)

    private(set) var current = initial
    /// SRTT and RTTVAR in nanoseconds; nil until the first measurement.
    private(set) var smoothed: Int64?
    private var variance: Int64 = 0

    /// Takes a round-trip time of a chunk that was sent once (Karn's rule is the caller's duty).
    mutating func measure(_ roundTrip: Duration) {
        let sample = max(roundTrip.nanoseconds, 0)
        if let smoothed {
            variance += (abs(smoothed - sample) - variance) / 4
            self.smoothed = smoothed + (sample - smoothed) / 8
        } else {
            smoothed = sample
            variance = sample / 2
        }
        current = estimate
    }

    /// What the measurements say, backing off left out.
    private var estimate: Duration {
        guard let smoothed else { return Self.initial }
        let margin = max(.nanoseconds(4 * variance), Self.minimumVariance)
        return min(max(.nanoseconds(smoothed) + margin, Self.minimum), Self.maximum)
    }

    mutating func backOff() { current = min(current * 2, Self.maximum) }

    /// Something arrived, but only after retransmission, so that its round trip says nothing (Karn's rule). The RFC
    /// keeps the long timeout until there is a measurement; on a lossy path that may take minutes. It is halved
    /// instead: a path that has only become slow still reaches, by backing off, a timeout that shows its round trip.
    mutating func recover() { current = max(estimate, current / 2) }
}
