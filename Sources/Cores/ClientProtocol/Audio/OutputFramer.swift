/// Cuts the agent's sound into frames of equal length.
package struct OutputFramer: Sendable {
    /// In Hz.
    package let sampleRate: Int
    /// How long a frame is.
    package let milliseconds: Int
    /// Samples that wait for their frame to be complete.
    package var pendingSampleCount: Int { frame.count }

    private var frame: [Int16] = []
    /// Thousandths of a sample that earlier frames were short, so that 20 ms at 11 025 Hz are 220 and 221 samples in
    /// turn.
    private var remainder = 0
    private var target = 0

    package init(sampleRate: Int, milliseconds: Int) {
        self.sampleRate = sampleRate
        self.milliseconds = milliseconds
        frame.reserveCapacity(sampleRate * milliseconds / 1000 + 1)
        plan()
    }

    /// Appends samples and hands over each frame that becomes complete.
    package mutating func append(_ samples: Span<Int16>, _ emit: (Span<Int16>) -> Void) {
        var start = 0
        while start < samples.count {
            let count = min(target - frame.count, samples.count - start)
            let part = samples.extracting(start..<start + count)
            start += count
            if count == target {
                // A frame that has come as a whole goes on from where it lies.
                plan()
                emit(part)
                continue
            }
            // SAFETY: the samples are only read during the call.
            unsafe part.withUnsafeBufferPointer { unsafe frame.append(contentsOf: $0) }
            if frame.count == target { finish(emit) }
        }
    }

    /// Ends a spurt of sound: hands over the unfinished frame, filled up with silence.
    package mutating func flush(_ emit: (Span<Int16>) -> Void) {
        guard !frame.isEmpty else { return }
        while frame.count < target { frame.append(0) }
        finish(emit)
    }

    /// Forgets an unfinished frame, as when the client has been told to drop what it holds.
    package mutating func reset() {
        frame.removeAll(keepingCapacity: true)
        remainder = 0
        plan()
    }

    private mutating func finish(_ emit: (Span<Int16>) -> Void) {
        emit(frame.span)
        frame.removeAll(keepingCapacity: true)
        plan()
    }

    private mutating func plan() {
        let exact = sampleRate * milliseconds + remainder
        target = max(1, exact / 1000)
        remainder = exact % 1000
    }
}
