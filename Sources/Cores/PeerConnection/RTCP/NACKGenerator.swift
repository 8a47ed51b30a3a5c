package import Wire

/// Decides which lost packets of one source to ask for again, and when (RFC 4585 section 6.2.1). Bounded in
/// entries, in tries and in age.
package struct NACKGenerator: Sendable {
    private struct Missing {
        var sequence: Int64
        var noticed: Instant
        var due: Instant
        var tries: Int
    }

    private var missing: [Missing] = []
    private var unwrapper = SequenceUnwrapper()

    /// The most packets that are missed at a time; a larger gap is not worth repairing.
    package static let maximumMissing = 64
    /// How often one packet is asked for.
    package static let maximumTries = 4
    /// How long a packet is worth having.
    package static let maximumAge = Duration.milliseconds(500)
    /// A little patience for packets that only overtook each other.
    package static let reorderingGrace = Duration.milliseconds(5)
    /// The shortest time between two requests for the same packet.
    package static let minimumInterval = Duration.milliseconds(20)

    package init() { missing.reserveCapacity(Self.maximumMissing) }

    /// How many packets are missed now.
    package var count: Int { missing.count }

    /// Notes that a packet arrived, whichever way.
    package mutating func receive(sequenceNumber: UInt16, now: Instant) {
        guard let highest = unwrapper.highest else {
            _ = unwrapper.unwrap(sequenceNumber)
            return
        }
        let extended = unwrapper.peek(sequenceNumber)
        if extended <= highest {
            if highest - extended > ReceptionStatistics.maximumDropout {
                reset(to: sequenceNumber)
            } else {
                missing.removeAll { $0.sequence == extended }
            }
            return
        }
        _ = unwrapper.unwrap(sequenceNumber)
        let gap = extended - highest - 1
        if gap > Int64(Self.maximumMissing) {
            reset(to: sequenceNumber)
        } else if gap > 0 {
            let excess = missing.count + Int(gap) - Self.maximumMissing
            if excess > 0 { missing.removeFirst(min(excess, missing.count)) }
            for sequence in highest + 1..<extended {
                missing.append(Missing(sequence: sequence, noticed: now, due: now + Self.reorderingGrace, tries: 0))
            }
        }
    }

    private mutating func reset(to sequenceNumber: UInt16) {
        missing.removeAll(keepingCapacity: true)
        unwrapper = SequenceUnwrapper()
        _ = unwrapper.unwrap(sequenceNumber)
    }

    /// When `poll` has something to say; nil when nothing is missing.
    package var nextDeadline: Instant? {
        var earliest: Instant?
        for entry in missing { earliest = Instant.earliest(earliest, entry.due) }
        return earliest
    }

    /// The sequence numbers to ask for now, in ascending order. They are due again after a round trip.
    package mutating func poll(now: Instant, roundTrip: Duration) -> [UInt16] {
        guard missing.contains(where: { $0.due <= now }) else { return [] }
        missing.removeAll {
            $0.due <= now && ($0.tries >= Self.maximumTries || now - $0.noticed > Self.maximumAge)
        }
        var wanted: [UInt16] = []
        let interval = max(Self.minimumInterval, roundTrip + .milliseconds(5))
        for index in missing.indices where missing[index].due <= now {
            wanted.append(UInt16(truncatingIfNeeded: missing[index].sequence))
            missing[index].tries += 1
            missing[index].due = now + interval
        }
        return wanted
    }
}
