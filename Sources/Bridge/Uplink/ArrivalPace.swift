package import Wire

/// Tells a client that streams live from one that sends what it recorded before, by the pace at which sound comes. What comes
/// live and has to wait is late, and delays all that follows; a recording that waits is only being played. Pure.
///
/// A burst looks the same whether a connection stood still or a recording is uploaded: what follows it tells. So a client
/// streams live when it has sent for half a second about as much sound as time went by. While it sends nothing, that stays
/// true; what comes after a pause has to show it anew.
package struct ArrivalPace: Sendable {
    /// How long a client has to keep pace.
    package static let proof = Duration.milliseconds(500)
    /// Sound for so many percent of the time is still live: no clock is so fast.
    package static let fastest = 113
    /// How much sound may come earlier than that, in samples at 48 kHz.
    package static let jitter = 250 * 48
    /// No live client sends longer messages, in samples at 48 kHz.
    package static let longestMessage = 1000 * 48

    /// What came last came live.
    package private(set) var isLive = false
    /// When the first sound came since which the client keeps pace. It does not count, however much it is.
    private var beginning: Instant?
    /// What came since, in samples at 48 kHz.
    private var received = 0
    private var last = Instant.zero
    /// What came at `last`, in samples at 48 kHz.
    private var lastSamples = 0
    /// How late the next message may be, in nanoseconds.
    private let patience: Int64

    package init(liveness: Duration) { patience = liveness.nanoseconds }

    /// - Parameter samples: what a message brings, at 48 kHz.
    package mutating func note(samples: Int, now: Instant) {
        guard let beginning else { return begin(samples, now: now) }
        if now == last {
            lastSamples += samples
        } else {
            let expected = min(lastSamples, Self.longestMessage)
            if now.nanoseconds(since: last) > patience + Int64(expected) * 1_000_000 / 48 {
                return begin(samples, now: now)
            }
            lastSamples = samples
        }
        last = now
        guard now != beginning else { return }
        received += samples
        let elapsed = now - beginning
        if received > elapsed.samplesAt48kHz / 100 * Self.fastest + Self.jitter + Self.longest(samples) {
            return begin(samples, now: now)
        }
        if elapsed >= Self.proof { isLive = true }
    }

    /// A recording has come, whole or a piece of it.
    package mutating func noteRecording() {
        beginning = nil
        isLive = false
    }

    private mutating func begin(_ samples: Int, now: Instant) {
        beginning = now
        received = 0
        last = now
        lastSamples = samples
        isLive = false
    }

    /// A message that is longer than the jitter comes a little early or a little late as well.
    private static func longest(_ samples: Int) -> Int { min(samples, longestMessage) / 4 }
}
