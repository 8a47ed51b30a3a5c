internal import ClientProtocol
internal import Wire

/// Holds back sound for a client that can have only so much of it waiting. An agent speaks in real time, so there is
/// something to hold back only when sound of a while comes at once, as after a stall on the way from the room. A client that
/// catches up gets faster what was held back.
struct SoundPacer {
    /// Sound that is held back, at most: beyond it the oldest gives way.
    static let maximumHeld = Duration.seconds(10)

    /// What is held back.
    enum Piece: Hashable {
        /// Bytes in the client's format.
        case fresh([UInt8])
        /// A message that was made for an earlier connection.
        case again(ClientMessage)

        /// The bytes of a message that is nothing but sound.
        var bytes: [UInt8] {
            switch self {
            case .fresh(let bytes), .again(.sound(let bytes)): bytes
            case .again: []
            }
        }
    }

    /// What the client can have waiting; nil for any amount.
    var lead: Duration?
    private var held = FIFO<(piece: Piece, duration: Duration)>()
    private var heldDuration = Duration.zero
    /// When the client has played all that it was sent.
    private var playedOut = Instant.zero
    /// Pieces that gave way.
    private(set) var dropped = 0

    private let coders: (any AudioCoderFactory)?
    /// Whether the client catches up, for which what is sent to it is counted.
    private(set) var catchesUp = false
    /// While the client is late and catches up.
    private var catchUp: SoundCatchUp?
    /// Of what is held back so many pieces go as they are: they are of a format that the client had before.
    private var unchanged = 0
    private var arrivals = SoundArrivals()

    /// - Parameter coders: for a client that catches up.
    init(_ allowance: SoundAllowance, coders: (any AudioCoderFactory)? = nil) {
        self.coders = coders
        adopt(allowance)
    }

    /// The client wants it otherwise from here on.
    mutating func adopt(_ allowance: SoundAllowance) {
        lead = allowance.lead
        catchesUp = allowance.catchesUp && coders != nil
        if !catchesUp { arrivals = SoundArrivals() }
        // It may be in another format.
        unchanged = held.count
    }

    /// Whether something is held back.
    var isHolding: Bool { !held.isEmpty || catchUp != nil }

    /// Whether a piece may go at once; otherwise it is held back.
    mutating func admit(_ bytes: RawSpan, lasting duration: Duration, now: Instant) -> Bool {
        if !isHolding, take(duration, now: now) { return true }
        hold(.fresh([UInt8](copying: bytes)), duration)
        return false
    }

    /// The same for a message that is sent again.
    mutating func admit(_ message: ClientMessage, lasting duration: Duration, now: Instant) -> Bool {
        if !isHolding, take(duration, now: now) { return true }
        hold(.again(message), duration)
        return false
    }

    private mutating func hold(_ piece: Piece, _ duration: Duration) {
        held.append((piece, duration))
        heldDuration += duration
        while heldDuration > Self.maximumHeld, popHeld() != nil { dropped += 1 }
    }

    private mutating func popHeld() -> (piece: Piece, duration: Duration)? {
        guard let oldest = held.popFirst() else { return nil }
        heldDuration -= oldest.duration
        unchanged = max(0, unchanged - 1)
        return oldest
    }

    /// The next piece that may go now, and how long it is.
    mutating func next(now: Instant) -> (piece: Piece, duration: Duration)? {
        guard let first = held.first, take(first.duration, now: now) else { return nil }
        return popHeld()
    }

    /// The same, faster for a client that catches up.
    mutating func next(as delivery: SoundDelivery, now: Instant) -> (piece: Piece, duration: Duration)? {
        guard let catchUp = readyCatchUp(delivery) else { return next(now: now) }
        if catchUp.first == nil { advance(catchUp, now: now) }
        guard let (bytes, duration) = catchUp.first, take(duration, now: now) else { return nil }
        catchUp.removeFirst()
        if catchUp.isEmpty, held.isEmpty { self.catchUp = nil }
        return (.fresh(bytes), duration)
    }

    /// What makes the next piece of those that are held back; nil when they go as they are.
    private mutating func readyCatchUp(_ delivery: SoundDelivery) -> SoundCatchUp? {
        if let catchUp {
            if catchesUp, catchUp.delivery == delivery {
                unchanged = 0
                return catchUp
            }
            // What it has goes first; what is held back was made for the same format.
            unchanged = held.count
            catchUp.finish(isDry: true)
            if !catchUp.isEmpty { return catchUp }
            self.catchUp = nil
        }
        guard catchesUp, unchanged == 0, !held.isEmpty, delivery.wrapping == .bare, let coders else { return nil }
        do throws(AudioCoderFailure) { catchUp = try SoundCatchUp(delivery, coders: coders) } catch {
            // Out of memory: it is heard late.
            unchanged = held.count
        }
        return catchUp
    }

    /// Makes a piece, if there is sound for one.
    private mutating func advance(_ catchUp: SoundCatchUp, now: Instant) {
        while catchUp.first == nil {
            while catchUp.needsMore, unchanged == 0, let next = popHeld() {
                catchUp.append(next.piece.bytes.span.bytes)
            }
            if catchUp.makeFrame() { continue }
            // Half of what it may have waiting: what comes next in real time passes again.
            let waiting = max(playedOut, arrivals.playedOut, now) - now
            guard held.isEmpty, waiting <= (lead ?? .zero) / 2 else { return }
            catchUp.finish(isDry: waiting == .zero)
            if catchUp.isEmpty { self.catchUp = nil }
            return
        }
    }

    // MARK: Arrivals

    /// Whether it counts what is on its way: `noteArrivals` is to be called.
    var isWatching: Bool { catchesUp && arrivals.isDue }

    /// A message of so many bytes has been sent, with so much sound in it.
    mutating func noteSent(_ count: Int, lasting duration: Duration) {
        if catchesUp { arrivals.noteSent(count, lasting: duration) }
    }

    /// So many of the last bytes are not known to have arrived.
    mutating func noteArrivals(unacknowledged: Int, now: Instant) {
        arrivals.noteArrivals(unacknowledged: unacknowledged, now: now)
    }

    // MARK: The end of it

    /// All that is held back. The client has nothing waiting any more.
    mutating func takeAll(now: Instant) -> [(piece: Piece, duration: Duration)] {
        var pieces: [(piece: Piece, duration: Duration)] = []
        catchUp?.finish(isDry: true)
        while let (bytes, duration) = catchUp?.first {
            pieces.append((.fresh(bytes), duration))
            catchUp?.removeFirst()
        }
        while let piece = held.popFirst() { pieces.append(piece) }
        discard(now: now)
        return pieces
    }

    /// The client drops what it has; so does this.
    mutating func discard(now: Instant) {
        held.removeAll()
        heldDuration = .zero
        unchanged = 0
        catchUp = nil
        arrivals = SoundArrivals()
        playedOut = now
    }

    private mutating func take(_ duration: Duration, now: Instant) -> Bool {
        if catchesUp, let lead, !arrivals.admits(duration, lead: lead, now: now) { return false }
        let start = max(playedOut, now)
        // One that is longer than what may wait goes when nothing else does.
        if let lead, start > now, start - now + duration > lead { return false }
        playedOut = start + duration
        return true
    }
}
