package import Wire

/// Tells speech from silence by loudness, with an eye on how loud the background is. Good enough to shorten pauses
/// and to notice an interruption; the agent has better means to hear the end of a sentence.
package struct SpeechDetector: Sendable {
    /// Root mean squares, of 32768: below the first everything is silence, from the second on nothing is.
    package static let surelySilent = 100.0
    package static let neverSilent = 500.0
    /// What counts as speech is at least so much louder than the background.
    package static let speechOverBackground = 4.0
    /// The background is not taken to be quieter, or it could not rise again after digital silence.
    private static let quietestBackground = 25.0

    /// The loudness of the background: falls at once, rises by a tenth a second.
    private var background = SpeechDetector.surelySilent
    /// Silence up to now, in samples at 48 kHz: endless as long as the caller has made no sound.
    package private(set) var silentRun = SpeechDetector.endless
    /// When the caller was last heard to speak.
    package private(set) var lastSpeech: Instant?

    private static let endless = 1 << 40

    package init() {}

    /// Whether a frame of this loudness is silence.
    package func isSilent(rootMeanSquare: Int) -> Bool {
        Double(rootMeanSquare) < min(max(Self.surelySilent, background * 2), Self.neverSilent)
    }

    /// Takes note of a frame that is sent.
    package mutating func note(rootMeanSquare: Int, samples: Int, now: Instant) {
        let level = Double(rootMeanSquare)
        if isSilent(rootMeanSquare: rootMeanSquare) { noteSilence(samples: samples) } else { silentRun = 0 }
        if level >= max(Self.neverSilent, background * Self.speechOverBackground) { lastSpeech = now }
        background = max(
            level < background ? level : min(background * 1.002, Self.neverSilent), Self.quietestBackground)
    }

    /// Takes note of silence that we sent ourselves.
    package mutating func noteSilence(samples: Int) { silentRun = min(silentRun + samples, Self.endless) }
}
