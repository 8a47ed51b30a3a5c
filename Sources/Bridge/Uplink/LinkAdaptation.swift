package import Wire

/// Finds out whether the way to the room server is too thin for the caller's sound, by what the room reports as lost. Pure.
///
/// Loss alone does not tell: against loss at random redundant audio is the better answer, and it needs a wide way. So much loss
/// is met by a trial with little sound. If less than half is lost then, the loss comes of the rate, and little is sent for a
/// while; later as much as before is tried again.
package struct LinkAdaptation: Sendable {
    /// Percent of packets lost that are met by a trial, when they are lost for so long.
    package static let worryingLoss = 20
    package static let patience = Duration.seconds(5)
    /// How long a trial lasts at most: some reports.
    package static let trial = Duration.seconds(12)
    /// How long little is sent before more is tried; twice as long after each time that it was too much.
    package static let firstStay = Duration.seconds(30)
    /// How long after a trial that changed nothing the next one comes; then twice as long each time.
    package static let firstPause = Duration.seconds(60)
    package static let longest = Duration.seconds(480)
    /// With more than twice the loss and so many percent, as much as before was too much.
    package static let noticedLoss = 6

    private enum State: Sendable {
        case wide(worriedSince: Instant?)
        case triesThin(since: Instant, lossBefore: Int)
        case thin(since: Instant)
        case triesWide(since: Instant, lossBefore: Int)
    }

    private var state = State.wide(worriedSince: nil)
    private var stay = LinkAdaptation.firstStay
    private var pause = LinkAdaptation.firstPause
    private var nextTrial: Instant?

    package init() {}

    /// Whether little is to be sent, and nothing twice.
    package var isThin: Bool {
        switch state {
        case .wide, .triesWide: false
        case .triesThin, .thin: true
        }
    }

    /// What the room reports as lost at the moment, in percent. To be called about twice a second.
    package mutating func note(lossPercent loss: Int, now: Instant) {
        switch state {
        case .wide(let since):
            guard loss >= Self.worryingLoss else {
                state = .wide(worriedSince: nil)
                return
            }
            let since = since ?? now
            let isDue = now - since >= Self.patience && nextTrial.map { now >= $0 } ?? true
            state = isDue ? .triesThin(since: now, lossBefore: loss) : .wide(worriedSince: since)
        case .triesThin(let since, let before):
            if loss <= before / 2 {
                state = .thin(since: now)
            } else if now - since >= Self.trial {
                nextTrial = now + pause
                pause = Self.longer(pause)
                state = .wide(worriedSince: nil)
            }
        case .thin(let since):
            if now - since >= stay { state = .triesWide(since: now, lossBefore: loss) }
        case .triesWide(let since, let before):
            if loss > 2 * before + Self.noticedLoss {
                stay = Self.longer(stay)
                state = .thin(since: now)
            } else if now - since >= Self.trial {
                stay = Self.firstStay
                pause = Self.firstPause
                state = .wide(worriedSince: nil)
            }
        }
    }

    private static func longer(_ duration: Duration) -> Duration { min(duration * 2, longest) }
}
