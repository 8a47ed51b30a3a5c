/// Decides which of the caller's frames are background noise that need not be sent. Pure.
///
/// From the first sound on everything is sent until the noise is known. Then, after 400 ms in which nothing was louder than it, a pause begins:
/// a packet without sound says so, and every 400 ms one frame refreshes what the listener's decoder takes for the noise
/// of the room, which it makes up in between. The first frame that is louder ends the pause at once. Frames are judged
/// by their loudest 5 ms, and by those of the differences between samples, which show a soft consonant above the rumble
/// of a car; so a word begins with its first sound.
///
/// Noise is what nobody can hear, and what has been steady for two seconds, is not too loud, and has no pitch: a tone, a
/// held vowel and music go on being sent.
package struct SilenceSuppression: Sendable {
    /// How long nothing is louder than the noise before a pause begins, in frames of 20 ms; and how often noise is sent
    /// in a pause.
    package static let hangover = 20
    package static let refresh = 20
    /// The same after a single frame that was louder, as noise makes them now and then.
    package static let hangoverAfterOne = 5
    /// How long another noise must have been steady.
    package static let settling = 100
    /// Root mean squares, of 32768. Below the first nobody hears anything (-66 dB); above the second (-36 dB) nothing is
    /// noise; above the third (-50 dB) nothing is that has a pitch.
    package static let inaudible: Float = 16
    package static let loudestNoise = Float(SpeechDetector.neverSilent)
    package static let loudestHum = Float(SpeechDetector.surelySilent)
    /// Powers: what is louder than the loudest noise by so much (1.9 dB) is no noise.
    private static let margin: Float = 1.5625

    /// What becomes of a frame.
    package enum Verdict: Hashable, Sendable {
        /// It is sent. `resumes` when it ends a pause.
        case sound(resumes: Bool)
        /// It is sent in a pause, for the listener's decoder to know the noise.
        case noise
        /// A packet without sound takes its place: a pause begins.
        case pause
        /// Nothing is sent.
        case nothing
    }

    private enum State: Sendable {
        /// Nothing that can be heard has come yet, in so many frames.
        case waiting(frames: Int)
        /// So many frames in a row were no louder than the noise, and so many before them were.
        case sending(quiet: Int, loud: Int)
        /// Frames since the pause began.
        case pausing(frames: Int)
    }

    private var state = State.waiting(frames: 0)
    private var recent: RecentFrames
    /// Up to here a frame is noise: powers of its loudest 5 ms, and of their differences.
    private var noise = FramePower(frame: 0, loudest: inaudible * inaudible, treble: inaudible * inaudible)
    /// The steady sound that may turn out to be another noise.
    private var steady = SteadySound()

    /// - Parameter sampleRate: of frames, in Hz.
    package init(sampleRate: Int) { recent = RecentFrames(sampleRate: sampleRate) }

    /// Judges the caller's next frame of 20 ms.
    ///
    /// - Parameter isStart: it begins the flow after a pause of another kind: something has to be sent.
    package mutating func judge(_ frame: Span<Int16>, isStart: Bool) -> Verdict {
        let power = recent.append(frame)
        let isNoise = power.loudest <= noise.loudest && power.treble <= noise.treble
        if isStart, hasBegun { state = .sending(quiet: 0, loud: Self.hangover) }
        switch state {
        case .waiting(let frames):
            // Zeros would be taken for the noise of the room by decoders, for half a minute.
            if isNoise {
                state = .waiting(frames: isStart ? 1 : frames + 1)
                return isStart || frames.isMultiple(of: Self.refresh) ? .pause : .nothing
            }
            state = .sending(quiet: 0, loud: Self.hangover)
            steady.append(power)
            return .sound(resumes: true)
        case .pausing(let frames):
            guard isNoise else {
                state = .sending(quiet: 0, loud: 1)
                steady = SteadySound()
                return .sound(resumes: true)
            }
            return pause(frames: frames + 1, power)
        case .sending(let quiet, let loud):
            if isNoise {
                let hangover = loud == 1 ? Self.hangoverAfterOne : Self.hangover
                guard !isStart, quiet + 1 > hangover else {
                    state = .sending(quiet: quiet + 1, loud: loud)
                    return .sound(resumes: false)
                }
                return beginPause(power)
            }
            state = .sending(quiet: 0, loud: quiet == 0 ? loud + 1 : max(1, loud))
            if isAnotherNoise(power), !isStart { return beginPause(power) }
            return .sound(resumes: false)
        }
    }

    private var hasBegun: Bool { if case .waiting = state { false } else { true } }

    private mutating func beginPause(_ power: FramePower) -> Verdict {
        state = .pausing(frames: 0)
        steady = SteadySound()
        steady.append(power)
        return .pause
    }

    /// The first packet without sound is followed by one of noise and another without sound: a decoder goes on with the
    /// pitch of what it heard last if that was two packets or more, which makes a hole or a buzz of noise.
    private mutating func pause(frames: Int, _ power: FramePower) -> Verdict {
        state = .pausing(frames: frames)
        steady.append(power)
        switch (frames - 1) % Self.refresh {
        case 0:
            if frames > 1 { follow() }
            return .noise
        case 1: return .pause
        default: return .nothing
        }
    }

    /// The room has become quieter: what is louder than that is no noise any more.
    private mutating func follow() {
        let bound = steady.bound(margin: Self.margin, floor: Self.inaudible * Self.inaudible)
        if bound.loudest < noise.loudest / 2 { noise.loudest = (noise.loudest + bound.loudest) / 2 }
        if bound.treble < noise.treble / 2 { noise.treble = (noise.treble + bound.treble) / 2 }
        steady = SteadySound()
    }

    /// Whether what is louder than the noise has been steady for so long that it is another noise.
    private mutating func isAnotherNoise(_ power: FramePower) -> Bool {
        guard power.frame <= Self.loudestNoise * Self.loudestNoise else {
            steady = SteadySound()
            return false
        }
        steady.append(power)
        guard steady.isSteady else {
            steady = SteadySound()
            return false
        }
        guard steady.count >= Self.settling else { return false }
        if power.frame > Self.loudestHum * Self.loudestHum, recent.hasPitch {
            steady = SteadySound()
            return false
        }
        noise = steady.bound(margin: Self.margin, floor: Self.inaudible * Self.inaudible)
        return true
    }
}

/// What frames in a row have in common.
private struct SteadySound: Sendable {
    private(set) var count = 0
    private var quietest = FramePower(frame: .infinity, loudest: .infinity, treble: .infinity)
    private var loudest = FramePower(frame: 0, loudest: 0, treble: 0)

    mutating func append(_ power: FramePower) {
        count += 1
        quietest.frame = min(quietest.frame, power.frame)
        quietest.treble = min(quietest.treble, power.treble)
        loudest.frame = max(loudest.frame, power.frame)
        loudest.loudest = max(loudest.loudest, power.loudest)
        loudest.treble = max(loudest.treble, power.treble)
    }

    /// Whether frames differ no more than those of noise: 16 dB, because a frame holds few waves of a rumble, and 10 dB in
    /// what it has of higher tones. Those of two seconds of speech differ by more in both.
    var isSteady: Bool { loudest.frame <= quietest.frame * 40 && loudest.treble <= quietest.treble * 10 }

    /// Up to where frames are like these.
    func bound(margin: Float, floor: Float) -> FramePower {
        FramePower(
            frame: loudest.frame, loudest: max(floor, loudest.loudest * margin),
            treble: max(floor, loudest.treble * margin))
    }
}
