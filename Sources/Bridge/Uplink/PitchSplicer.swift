/// Shortens sound by a few milliseconds so that nobody hears it: a piece is left out where what follows it is like what it
/// replaces, as one period of a voice is like the next, and both are faded into each other. Pure.
struct PitchSplicer: Sendable {
    /// What a piece must have in common with what replaces it: 1 for equal waves.
    private static let likeness: Float = 0.9
    /// For so much less likeness the longest piece is taken rather than the shortest, when much has to be left out.
    private static let worthOfLength: Float = 0.1
    /// Root mean square, of 32768, below which a piece is left out wherever it is: nobody hears a seam in silence.
    private static let quiet = Float(SpeechDetector.surelySilent)
    /// Pieces are compared at about this rate first, in Hz; at the second one when sound is shortened again and again, which
    /// costs an eighth then and is understood as well (docs/performance.md#time-scale).
    private static let coarseRate = 8000
    private static let fastRate = 4000

    /// All in samples: a frame, the fade, and what may be left out, 2.5 to 16 ms.
    private let frameLength: Int
    private let fade: Int
    private let shortest: Int
    private let longest: Int
    private let coarseness: Int
    private let places: Int
    private let isForced: Bool

    /// - Parameter sampleRate: in Hz.
    init(sampleRate: Int, _ manner: DelayCorrection.Manner) {
        frameLength = sampleRate / 50
        fade = sampleRate / 125
        shortest = sampleRate / 400
        longest = sampleRate * 16 / 1000
        coarseness = max(1, sampleRate / (manner == .fast ? Self.fastRate : Self.coarseRate))
        places = manner == .fast ? 1 : 3
        isForced = manner != .careful
    }

    /// How much of the sound must be at hand for one frame.
    var window: Int { frameLength + longest }

    /// Fills a frame of 20 ms from the beginning of `sound`, of which it uses up more than that.
    ///
    /// - Parameters:
    ///   - sound: `window` samples.
    ///   - frame: one frame.
    /// - Returns: how many samples were left out; 0 when there is no good place, and the frame was not touched. Unless that
    ///   has to be careful the best place counts, however bad it is, and longer pieces are better ones.
    func splice(_ sound: Span<Int16>, into frame: inout MutableSpan<Int16>) -> Int {
        guard sound.count >= window, frame.count == frameLength else { return 0 }
        let worth = isForced ? Self.worthOfLength / Float(longest) : 0
        var best = Piece(start: 0, length: 0, likeness: -2)
        var rank: Float = -2
        for place in 0..<places {
            let found = bestPiece(sound, at: place * (frameLength - fade) / 2, worth: worth)
            let itsRank = found.likeness + worth * Float(found.length)
            if itsRank > rank { (best, rank) = (found, itsRank) }
        }
        guard best.length > 0, isForced || best.likeness >= Self.likeness || isQuiet(sound) else { return 0 }
        leaveOut(best, of: sound, into: &frame)
        return best.length
    }

    /// Fills a frame of 20 ms from all of `sound`, which is longer: so much has to be left out, where it is heard least.
    ///
    /// - Parameters:
    ///   - sound: a frame and less than another one.
    ///   - frame: one frame.
    func join(_ sound: Span<Int16>, into frame: inout MutableSpan<Int16>) {
        guard sound.count >= frameLength, frame.count == frameLength else { return }
        let length = sound.count - frameLength
        var best = Piece(start: 0, length: length, likeness: -2)
        for place in 0..<3 {
            let start = place * (frameLength - fade) / 2
            let likeness = likeness(sound, start, length, step: 1)
            if likeness > best.likeness { best = Piece(start: start, length: length, likeness: likeness) }
        }
        leaveOut(best, of: sound, into: &frame)
    }

    private func leaveOut(_ piece: Piece, of sound: Span<Int16>, into frame: inout MutableSpan<Int16>) {
        for index in 0..<piece.start { frame[index] = sound[index] }
        for index in 0..<fade {
            let (old, new) = (Int(sound[piece.start + index]), Int(sound[piece.start + piece.length + index]))
            frame[piece.start + index] = Int16((old * (fade - index) + new * index) / fade)
        }
        for index in piece.start + fade..<frameLength { frame[index] = sound[index + piece.length] }
    }

    /// What may be left out: `length` samples from `start` on.
    private struct Piece {
        var start: Int
        var length: Int
        var likeness: Float
    }

    private func bestPiece(_ sound: Span<Int16>, at start: Int, worth: Float) -> Piece {
        var best = Piece(start: start, length: 0, likeness: -2)
        var rank: Float = -2
        for length in stride(from: shortest, through: longest, by: coarseness) {
            let likeness = likeness(sound, start, length, step: coarseness)
            let itsRank = likeness + worth * Float(length)
            if itsRank > rank { (best, rank) = (Piece(start: start, length: length, likeness: likeness), itsRank) }
        }
        guard coarseness > 1, best.length > 0 else { return best }
        let center = best.length
        best.likeness = -2
        for length in max(shortest, center - coarseness)...min(longest, center + coarseness) {
            let likeness = likeness(sound, start, length, step: 1)
            if likeness > best.likeness { best = Piece(start: start, length: length, likeness: likeness) }
        }
        return best
    }

    /// How much what is faded out has in common with what is faded in: a louder or a softer period is not like the one before.
    private func likeness(_ sound: Span<Int16>, _ start: Int, _ length: Int, step: Int) -> Float {
        var (product, energy): (Float, Float) = (0, 0)
        for index in stride(from: start, to: start + fade, by: step) {
            let (old, new) = (Float(sound[index]), Float(sound[index + length]))
            product += old * new
            energy += old * old + new * new
        }
        return energy > 0 ? 2 * product / energy : 1
    }

    private func isQuiet(_ sound: Span<Int16>) -> Bool {
        var sum: Float = 0
        for index in sound.indices { sum += Float(sound[index]) * Float(sound[index]) }
        return sum < Self.quiet * Self.quiet * Float(sound.count)
    }
}
