package import Wire

/// Decides when sound of a client whose microphone is fast is shortened: its clock is not ours, and without a pause what
/// waits would grow for as long as it speaks. Pure; amounts are in samples at 48 kHz.
///
/// A surplus that comes slowly is drift. One that comes at once, as from a client that stood still or that uploads a
/// recording, is left to the pauses, and what comes slowly on top of it is drift again.
package struct DriftCorrection: Sendable {
    /// From this surplus on sound is shortened until it is at most the second one.
    package static let beginning = 200 * 48
    package static let end = 100 * 48
    /// From this one on it is shortened wherever it can be, and as often.
    package static let utmost = 235 * 48
    /// What takes longer from `end` to `beginning` comes slowly: clocks that are up to 13 % fast.
    package static let slowness = Duration.milliseconds(750)
    /// So much sound is between two places where something is left out, at `end`, at `beginning` and at `utmost`. So sound is
    /// hardly shortened faster than it comes.
    package static let distances = (longest: 600 * 48, short: 60 * 48, shortest: 20 * 48)

    /// What is to be done with what is next.
    package enum Action: Hashable, Sendable {
        case keep
        case shorten(isForced: Bool)
    }

    /// What came at once and is left to the pauses.
    private var tolerated = 0
    /// When there was hardly more than that.
    private var lastSmall: Instant?
    private var isShortening = false
    /// Sound since something was left out.
    private var untouched = DriftCorrection.distances.longest

    package init() {}

    /// - Parameters:
    ///   - surplus: what waits, less what a client that is in step has there.
    ///   - length: of what is next.
    package mutating func next(surplus: Int, length: Int, now: Instant) -> Action {
        defer { untouched = min(untouched + length, Self.distances.longest) }
        tolerated = min(tolerated, max(0, surplus))
        let excess = surplus - tolerated
        guard let since = lastSmall, excess > Self.end else {
            lastSmall = now
            isShortening = false
            return .keep
        }
        guard excess >= Self.beginning || isShortening else { return .keep }
        if !isShortening, now - since < Self.slowness {
            tolerated = surplus - Self.end
            lastSmall = now
            return .keep
        }
        isShortening = true
        guard untouched >= Self.distance(excess: excess) else { return .keep }
        return .shorten(isForced: excess >= Self.utmost)
    }

    private static func distance(excess: Int) -> Int {
        guard excess < utmost else { return distances.shortest }
        let place = min(excess - end, beginning - end)
        return distances.longest - (distances.longest - distances.short) * place / (beginning - end)
    }

    /// What was next has been shortened.
    package mutating func noteShortened() { untouched = 0 }

    /// The client does not stream live: what waits now has not come slowly.
    package mutating func pause() {
        lastSmall = nil
        isShortening = false
    }
}
