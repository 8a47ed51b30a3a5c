internal import Wire

/// What a client has to play of what was sent to it, by what its TCP has acknowledged: sound that a network has held up comes
/// all at once, and whoever plays it in real time is late from then on. Pure.
struct SoundArrivals {
    /// Sound that is on its way, at most: more than the round trip of a satellite.
    static let maximumUnderWay = Duration.seconds(1)

    /// Where a message with sound ends, in bytes since the beginning.
    private var marks = FIFO<(end: Int, duration: Duration)>()
    private var sentBytes = 0
    private var underWay = Duration.zero
    /// When the client has played all that has arrived.
    private(set) var playedOut = Instant.zero

    /// Whether sound is on its way: `noteArrivals` is to be called.
    var isDue: Bool { !marks.isEmpty }

    /// A message of so many bytes has been sent, with so much sound in it.
    mutating func noteSent(_ count: Int, lasting duration: Duration) {
        sentBytes += UnacknowledgedMessages.wireSize(count)
        guard duration > .zero else { return }
        marks.append((sentBytes, duration))
        underWay += duration
    }

    /// So many of the last bytes are not known to have arrived.
    mutating func noteArrivals(unacknowledged: Int, now: Instant) {
        // Pings are bytes as well, but no messages.
        let isAll = unacknowledged <= UnacknowledgedMessages.tolerance
        while let first = marks.first, isAll || first.end <= sentBytes - unacknowledged {
            _ = marks.popFirst()
            underWay -= first.duration
            playedOut = max(playedOut, now) + first.duration
        }
        if isAll { sentBytes = 0 }
    }

    /// Whether so much more may be sent to a client that is to have no more waiting than `lead`.
    func admits(_ duration: Duration, lead: Duration, now: Instant) -> Bool {
        if underWay > .zero, underWay + duration > Self.maximumUnderWay { return false }
        return playedOut <= now || playedOut - now + duration <= lead
    }
}
