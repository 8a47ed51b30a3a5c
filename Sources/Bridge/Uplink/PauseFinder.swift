/// Finds in sound that waits what of its pauses can be left out: not their beginning, by which an agent notices the end of a
/// sentence, and not what is just before a word, or after what nobody knows yet. Pure; lengths are in samples at 48 kHz.
package struct PauseFinder: Sendable {
    private let kept: Int
    private let view: Int
    private var pieces: [(length: Int, isSilent: Bool)] = []

    /// - Parameters:
    ///   - kept: so much of a pause stays, from its beginning on.
    ///   - view: so much before a word stays.
    package init(kept: Int, view: Int) {
        self.kept = kept
        self.view = view
    }

    /// The next piece of sound.
    package mutating func append(length: Int, isSilent: Bool) { pieces.append((length, isSilent)) }

    /// For each piece, the oldest first, whether it stays.
    package func stay() -> [Bool] {
        var stays = [Bool](repeating: true, count: pieces.count)
        var run = 0
        for (index, piece) in pieces.enumerated() {
            run = piece.isSilent ? run + piece.length : 0
            stays[index] = run <= kept
        }
        // Seen from the end: what comes next is not known, so it may be a word.
        run = 0
        for (index, piece) in pieces.enumerated().reversed() {
            run = piece.isSilent ? run + piece.length : 0
            if run <= view { stays[index] = true }
        }
        return stays
    }
}
