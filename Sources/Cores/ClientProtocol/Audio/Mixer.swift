/// Adds the sound of several tracks, sample by sample, and clips where the sum is beyond 16 bits.
package struct Mixer: Sendable {
    private var sums: [Int32] = []

    package init() {}

    /// Starts a frame of `count` samples of silence.
    package mutating func begin(count: Int) {
        if sums.count == count {
            for index in sums.indices { sums[index] = 0 }
        } else {
            sums = [Int32](repeating: 0, count: max(0, count))
        }
    }

    /// Adds a track; what is shorter than the frame leaves its end as it is, what is longer is cut.
    package mutating func add(_ samples: Span<Int16>) {
        // At most 65 536 tracks of full scale fit 32 bits; wrapping addition keeps even more from trapping.
        for index in 0..<min(samples.count, sums.count) { sums[index] &+= Int32(samples[index]) }
    }

    /// Writes the mixed frame over `frame`, which is resized to it.
    package func finish(into frame: inout [Int16]) {
        if frame.count != sums.count { frame = [Int16](repeating: 0, count: sums.count) }
        for index in sums.indices { frame[index] = Int16(clamping: sums[index]) }
    }
}
