/// Cuts the agent's sound into the pieces that a client gets: equal frames for devices, or a short first piece and
/// longer ones after it for clients that play each piece as a file of its own.
package struct OutputFramer: Sendable {
    /// How long pieces are, in milliseconds.
    package struct Pieces: Hashable, Sendable {
        package var first: Int
        package var later: Int

        package init(first: Int, later: Int) {
            self.first = first
            self.later = later
        }

        /// Frames that are all alike.
        package static func equal(_ milliseconds: Int) -> Pieces { Pieces(first: milliseconds, later: milliseconds) }
    }

    /// In Hz.
    package let sampleRate: Int
    package let pieces: Pieces
    /// Samples that wait for their piece to be complete.
    package var pendingSampleCount: Int { piece.count }

    private var piece: [Int16] = []
    /// Thousandths of a sample that earlier pieces of this spurt were short, so that 20 ms at 11 025 Hz are
    /// 220 and 221 samples in turn.
    private var remainder = 0
    private var target: Int
    private var isFirst = true

    package init(sampleRate: Int, pieces: Pieces) {
        self.sampleRate = sampleRate
        self.pieces = pieces
        target = 0
        piece.reserveCapacity(sampleRate * max(pieces.first, pieces.later) / 1000 + 1)
        plan()
    }

    /// Appends samples and hands over each piece that becomes complete.
    package mutating func append(_ samples: Span<Int16>, _ emit: (Span<Int16>) -> Void) {
        var start = 0
        while start < samples.count {
            let count = min(target - piece.count, samples.count - start)
            let part = samples.extracting(start..<start + count)
            start += count
            if count == target {
                // A piece that has come as a whole goes on from where it lies.
                isFirst = false
                plan()
                emit(part)
                continue
            }
            // SAFETY: the samples are only read during the call.
            part.withUnsafeBufferPointer { unsafe piece.append(contentsOf: $0) }
            if piece.count == target { finish(emit) }
        }
    }

    /// Ends a spurt of sound: hands over the unfinished piece, filled up with silence if pieces are equal.
    package mutating func flush(_ emit: (Span<Int16>) -> Void) {
        if !piece.isEmpty {
            if pieces.first == pieces.later {
                while piece.count < target { piece.append(0) }
            }
            finish(emit)
        }
        isFirst = true
        plan()
    }

    /// Forgets an unfinished piece, as when the client has been told to drop what it holds.
    package mutating func reset() {
        piece.removeAll(keepingCapacity: true)
        remainder = 0
        isFirst = true
        plan()
    }

    private mutating func finish(_ emit: (Span<Int16>) -> Void) {
        emit(piece.span)
        piece.removeAll(keepingCapacity: true)
        isFirst = false
        plan()
    }

    private mutating func plan() {
        let exact = sampleRate * (isFirst ? pieces.first : pieces.later) + remainder
        target = max(1, exact / 1000)
        remainder = exact % 1000
    }
}
