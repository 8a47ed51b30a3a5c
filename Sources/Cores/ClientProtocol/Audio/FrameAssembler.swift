/// Cuts a stream of samples into frames of exactly the same length, whatever the sizes in which it arrives.
package struct FrameAssembler: Sendable {
    /// Samples in each frame.
    package let frameLength: Int

    private var ring: SampleRing

    /// Frames of `milliseconds` at `sampleRate` Hz; the product must be whole, as it is for every Opus rate.
    /// At most `limit` samples wait; beyond it the oldest give way.
    package init(sampleRate: Int, milliseconds: Int = 20, limit: Int) {
        frameLength = max(1, sampleRate * milliseconds / 1000)
        ring = SampleRing(capacity: frameLength * 4, limit: max(limit, frameLength))
    }

    /// Samples that wait, whole frames and the start of the next.
    package var sampleCount: Int { ring.count }
    /// Whole frames that wait.
    package var frameCount: Int { ring.count / frameLength }

    /// Appends samples; returns how many of the oldest were dropped. What is dropped for room is always whole
    /// frames, so that frame borders stay where they were.
    @discardableResult
    package mutating func append(_ samples: Span<Int16>) -> Int {
        let excess = ring.count + samples.count - ring.limit
        guard excess > 0 else { return ring.append(samples) }
        let frames = (excess + frameLength - 1) / frameLength
        let dropped = min(frames * frameLength, ring.count)
        ring.drop(dropped)
        return dropped + ring.append(samples)
    }

    /// Takes the oldest frame into `frame`, which is resized to one frame; false when no whole frame waits.
    package mutating func next(into frame: inout [Int16]) -> Bool {
        fit(&frame)
        return ring.pop(into: &frame)
    }

    /// Copies a frame without taking it, the oldest at 0; false when not so many whole frames wait.
    package func peek(at index: Int = 0, into frame: inout [Int16]) -> Bool {
        guard index >= 0, index < frameCount else { return false }
        fit(&frame)
        ring.peek(at: index * frameLength, into: &frame)
        return true
    }

    /// Copies the oldest samples without taking them, as many as the buffer holds; false when fewer wait.
    package func peekSamples(into buffer: inout [Int16]) -> Bool {
        guard ring.count >= buffer.count else { return false }
        ring.peek(at: 0, into: &buffer)
        return true
    }

    /// Drops so many of the oldest samples, or all; frames begin elsewhere from then on.
    package mutating func dropSamples(_ count: Int) { ring.drop(count) }

    /// Drops the oldest frame; false when no whole frame waits.
    @discardableResult
    package mutating func skip() -> Bool {
        guard ring.count >= frameLength else { return false }
        ring.drop(frameLength)
        return true
    }

    /// Drops the frames that do not stay, the oldest at 0. What is unfinished stays.
    package mutating func keep(_ stays: [Bool]) {
        var samples = [Int16](repeating: 0, count: ring.count)
        ring.peek(into: &samples)
        ring.removeAll()
        for start in stride(from: 0, to: samples.count, by: frameLength) {
            let index = start / frameLength
            guard index >= stays.count || stays[index] else { continue }
            ring.append(samples.span.extracting(start..<min(start + frameLength, samples.count)))
        }
    }

    /// Takes what is left of an unfinished frame, filled up with silence; false when nothing waits.
    package mutating func flush(into frame: inout [Int16]) -> Bool {
        guard !ring.isEmpty else { return false }
        fit(&frame)
        ring.peek(into: &frame)
        ring.drop(frameLength)
        return true
    }

    package mutating func removeAll() { ring.removeAll() }

    /// Gives back the memory of a burst once little is left of it.
    package mutating func releaseSpare() {
        if ring.count <= frameLength * 2, ring.capacity > frameLength * 64 { ring.shrink(to: frameLength * 8) }
    }

    private func fit(_ frame: inout [Int16]) {
        if frame.count != frameLength { frame = [Int16](repeating: 0, count: frameLength) }
    }
}
