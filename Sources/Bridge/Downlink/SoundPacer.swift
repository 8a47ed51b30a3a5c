internal import Wire

/// Holds back sound for a client that can have only so much of it waiting. An agent speaks in real time, so there is
/// something to hold back only when sound of a while comes at once, as after a stall on the way from the room.
struct SoundPacer {
    /// Sound that is held back, at most: beyond it the oldest gives way.
    static let maximumHeld = Duration.seconds(10)

    /// What is held back.
    enum Piece: Hashable {
        /// Bytes in the client's format.
        case fresh([UInt8])
        /// A message that was made for an earlier connection.
        case again(ClientMessage)
    }

    /// What the client can have waiting; nil for any amount.
    var lead: Duration?
    private var held = FIFO<(piece: Piece, duration: Duration)>()
    private var heldDuration = Duration.zero
    /// When the client has played all that it was sent.
    private var playedOut = Instant.zero
    /// Pieces that gave way.
    private(set) var dropped = 0

    init(lead: Duration?) { self.lead = lead }

    /// Whether something is held back.
    var isHolding: Bool { !held.isEmpty }

    /// Whether a piece may go at once; otherwise it is held back.
    mutating func admit(_ bytes: RawSpan, lasting duration: Duration, now: Instant) -> Bool {
        if held.isEmpty, take(duration, now: now) { return true }
        hold(.fresh([UInt8](copying: bytes)), duration)
        return false
    }

    /// The same for a message that is sent again.
    mutating func admit(_ message: ClientMessage, lasting duration: Duration, now: Instant) -> Bool {
        if held.isEmpty, take(duration, now: now) { return true }
        hold(.again(message), duration)
        return false
    }

    private mutating func hold(_ piece: Piece, _ duration: Duration) {
        held.append((piece, duration))
        heldDuration += duration
        while heldDuration > Self.maximumHeld, let oldest = held.popFirst() {
            heldDuration -= oldest.duration
            dropped += 1
        }
    }

    /// The next piece that may go now, and how long it is.
    mutating func next(now: Instant) -> (piece: Piece, duration: Duration)? {
        guard let first = held.first, take(first.duration, now: now) else { return nil }
        heldDuration -= first.duration
        return held.popFirst()
    }

    /// All that is held back. The client has nothing waiting any more.
    mutating func takeAll(now: Instant) -> [(piece: Piece, duration: Duration)] {
        var pieces: [(piece: Piece, duration: Duration)] = []
        while let piece = held.popFirst() { pieces.append(piece) }
        discard(now: now)
        return pieces
    }

    /// The client drops what it has; so does this.
    mutating func discard(now: Instant) {
        held.removeAll()
        heldDuration = .zero
        playedOut = now
    }

    private mutating func take(_ duration: Duration, now: Instant) -> Bool {
        let start = max(playedOut, now)
        // One that is longer than what may wait goes when nothing else does.
        if let lead, start > now, start - now + duration > lead { return false }
        playedOut = start + duration
        return true
    }
}
