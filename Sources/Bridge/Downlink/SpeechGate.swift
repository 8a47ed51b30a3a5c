package import Wire

/// Tells sound that changes, as speech and music do, from sound that stays as it is: a fan, a hum, an open microphone.
/// What is not clearly louder than the quietest moment of the last 2 to 4 s is noise. Pure.
package struct SpeechGate: Sendable {
    /// What counts as speech is so much louder than the noise: 9.5 dB.
    private static let aboveNoise = 3
    /// The quietest moment is looked for in two spans of this length, in ms.
    private static let span = 2000
    /// How long speech goes on after its last loud moment, in ns: the pauses between words.
    private static let hangover: Int64 = 400_000_000

    /// The root mean squares of the two frames before. With the present one they are a moment, which is as loud as its
    /// loudest frame: noise is never quiet for so long, and the shortest pauses of speech are.
    private var recent = (Int.max, Int.max)
    /// The quietest moment of the present span, and of the one before; nil while there is none.
    private var quietest: Int?
    private var quietestBefore: Int?
    /// How much of the present span has passed, in ms.
    private var passed = 0
    private var lastSpeech: Instant?

    package init() {}

    /// Whether somebody speaks, or has just spoken.
    package func isActive(now: Instant) -> Bool {
        lastSpeech.map { now.nanoseconds(since: $0) <= Self.hangover } ?? false
    }

    /// Takes note of so many milliseconds of sound, whose root mean square is of 32768.
    package mutating func note(rootMeanSquare: Int, milliseconds: Int, now: Instant) {
        // Nothing is known at first, and what comes then is taken for speech.
        let noise = min(quietest ?? .max, quietestBefore ?? .max)
        let isLoud = noise == .max || rootMeanSquare > noise * Self.aboveNoise
        if rootMeanSquare >= SilenceGate.silence, isLoud { lastSpeech = now }
        let moment = max(recent.0, recent.1, rootMeanSquare)
        recent = (recent.1, rootMeanSquare)
        if moment < .max { quietest = min(quietest ?? moment, moment) }
        pass(milliseconds)
    }

    /// The sender was silent for so long and sent nothing: how loud its noise is did not change.
    package mutating func notePause(milliseconds: Int) { pass(milliseconds) }

    private mutating func pass(_ milliseconds: Int) {
        passed += milliseconds
        guard passed >= Self.span else { return }
        passed = 0
        guard let quietest else { return }
        quietestBefore = quietest
        self.quietest = nil
    }
}
