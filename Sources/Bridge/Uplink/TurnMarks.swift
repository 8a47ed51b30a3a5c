package import Wire

/// Where the caller's turns end in the sound that waits to be played, and which ends are in the room by now. Pure;
/// amounts are in samples at 48 kHz of everything that has ever come.
package struct TurnMarks: Sendable {
    /// Ends that are remembered; older ones than these count as played.
    package static let maximum = 64

    private var ends: [Int] = []
    private var played: [Instant] = []
    /// No sound has come since the last turn ended.
    package private(set) var isBetweenTurns = false

    package init() {}

    /// Sound comes; true when it is the first of another turn.
    package mutating func begin() -> Bool {
        defer { isBetweenTurns = false }
        return isBetweenTurns
    }

    /// The client has said that its turn is over; the sound of it may have to be made yet.
    package mutating func close() { isBetweenTurns = true }

    /// A turn ends after so much sound.
    package mutating func end(at samples: Int) {
        ends.append(samples)
        if ends.count > Self.maximum { ends.removeFirst() }
    }

    /// What is beyond will never be played: the turns that end there are over.
    package mutating func cut(at samples: Int) {
        for index in ends.indices { ends[index] = min(ends[index], samples) }
    }

    /// How many turns were played to their end since the last call: so much sound is done with, and what was last has
    /// had `delay` to arrive.
    package mutating func take(played samples: Int, after delay: Duration, now: Instant) -> Int {
        while let end = ends.first, end <= samples {
            ends.removeFirst()
            played.append(now)
        }
        var count = 0
        while let first = played.first, now - first >= delay {
            played.removeFirst()
            count += 1
        }
        return count
    }
}
