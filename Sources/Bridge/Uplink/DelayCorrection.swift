/// Decides when sound of a client that streams live is shortened because it is late. Pure; amounts are in samples at 48 kHz.
///
/// A clock that is not ours brings a little too much each second: that is left out where nobody hears it, no faster than it
/// came. More than that has come of an outage, a late agent or a connection that stood still: it is worked off at up to
/// 1.35 times the speed, until the caller is in real time again.
package struct DelayCorrection: Sendable {
    /// From this surplus on sound is shortened until it is at most the second one.
    package static let beginning = 200 * 48
    package static let end = 100 * 48
    /// From this one on it is shortened wherever it can be, and as often.
    package static let utmost = 235 * 48
    /// From this one on no clock is to blame any more: sound is played faster until `end`.
    package static let behind = 300 * 48
    /// So much more than real time is then played, in percent.
    package static let gain = 35
    /// What silence and short messages have not been shortened by is made up for afterwards, so much of it.
    private static let largestAllowance = 10 * 48
    /// So much sound is between two places where something is left out, at `end`, at `beginning` and at `utmost`. So sound is
    /// hardly shortened faster than it comes.
    package static let distances = (longest: 600 * 48, short: 60 * 48, shortest: 20 * 48)

    /// What is to be done with what is next.
    package enum Action: Hashable, Sendable {
        case keep
        case shorten(Manner)
    }

    /// How sound is shortened.
    package enum Manner: Hashable, Sendable {
        /// Only where nobody hears it.
        case careful
        /// At the best place there is.
        case forced
        /// The same, and again and again.
        case fast
    }

    /// A backlog is being worked off.
    package private(set) var isCatchingUp = false
    private var isShortening = false
    /// Sound since something was left out.
    private var untouched = DelayCorrection.distances.longest
    /// How much may be left out by now; less than nothing when it was more.
    private var allowance = 0

    package init() {}

    /// Takes note of how late the client is.
    ///
    /// - Parameter surplus: what waits, less what a client that is in step has there; nil for one that does not stream live.
    package mutating func follow(surplus: Int?) {
        guard let surplus, surplus > Self.end else {
            isShortening = false
            isCatchingUp = false
            allowance = 0
            return
        }
        if surplus >= Self.beginning { isShortening = true }
        if surplus >= Self.behind { isCatchingUp = true }
    }

    /// - Parameters:
    ///   - surplus: as for `follow`.
    ///   - length: of what is next.
    package mutating func next(surplus: Int?, length: Int) -> Action {
        defer { untouched = min(untouched + length, Self.distances.longest) }
        follow(surplus: surplus)
        guard let surplus, isShortening else { return .keep }
        if isCatchingUp {
            allowance = min(allowance + length * Self.gain / 100, Self.largestAllowance)
            return allowance > 0 ? .shorten(.fast) : .keep
        }
        guard untouched >= Self.distance(surplus) else { return .keep }
        return .shorten(surplus >= Self.utmost ? .forced : .careful)
    }

    private static func distance(_ surplus: Int) -> Int {
        guard surplus < utmost else { return distances.shortest }
        let place = min(surplus - end, beginning - end)
        return distances.longest - (distances.longest - distances.short) * place / (beginning - end)
    }

    /// What was next has been shortened by so much.
    package mutating func noteShortened(by samples: Int) {
        untouched = 0
        allowance -= samples
    }
}
