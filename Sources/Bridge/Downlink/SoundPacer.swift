internal import ClientProtocol
internal import Wire

/// Holds back sound for a client that can have only so much of it waiting. An agent speaks in real time, so there is
/// something to hold back only when sound of a while comes at once, as after a stall on the way from the room.
struct SoundPacer {
    /// Sound that is held back, at most: beyond it the oldest gives way.
    static let maximumHeld = Duration.seconds(10)

    private let lead: Duration
    private var held = FIFO<(bytes: [UInt8], duration: Duration)>()
    private var heldDuration = Duration.zero
    /// When the client has played all that it was sent.
    private var playedOut = Instant.zero
    /// Pieces that gave way.
    private(set) var dropped = 0

    /// - Parameter lead: what the client can have waiting.
    init(lead: Duration) { self.lead = lead }

    /// Whether something is held back.
    var isHolding: Bool { !held.isEmpty }

    /// Whether a piece may go at once; otherwise it is held back.
    mutating func admit(_ bytes: RawSpan, lasting duration: Duration, now: Instant) -> Bool {
        if held.isEmpty, take(duration, now: now) { return true }
        held.append(([UInt8](copying: bytes), duration))
        heldDuration += duration
        while heldDuration > Self.maximumHeld, let oldest = held.popFirst() {
            heldDuration -= oldest.duration
            dropped += 1
        }
        return false
    }

    /// The next piece that may go now.
    mutating func next(now: Instant) -> [UInt8]? {
        guard let first = held.first, take(first.duration, now: now) else { return nil }
        heldDuration -= first.duration
        return held.popFirst()?.bytes
    }

    /// The client drops what it has; so does this.
    mutating func discard(now: Instant) {
        held.removeAll()
        heldDuration = .zero
        playedOut = now
    }

    private mutating func take(_ duration: Duration, now: Instant) -> Bool {
        let start = max(playedOut, now)
        guard start - now + duration <= lead else { return false }
        playedOut = start + duration
        return true
    }
}
