/// A queue of 16-bit samples in a ring. It grows by doubling when a burst arrives, up to a fixed limit beyond which
/// the oldest samples give way, and never allocates while the load is steady.
package struct SampleRing: Sendable {
    /// The most samples it will hold.
    package let limit: Int
    /// How many samples are waiting.
    package private(set) var count = 0

    private var storage: [Int16]
    private var head = 0

    /// Room for `capacity` samples at once, for `limit` at most.
    package init(capacity: Int, limit: Int) {
        self.limit = max(1, limit)
        storage = [Int16](repeating: 0, count: min(Self.powerOfTwo(atLeast: max(1, capacity)), 1 << 40))
    }

    package var isEmpty: Bool { count == 0 }
    /// How many samples fit without allocating.
    package var capacity: Int { storage.count }

    /// Appends `samples`; returns how many of the oldest ones were dropped to keep within the limit.
    @discardableResult
    package mutating func append(_ samples: Span<Int16>) -> Int {
        let skipped = max(0, samples.count - limit)
        let incoming = samples.count - skipped
        let overflow = max(0, count + incoming - limit)
        drop(overflow)
        reserve(count + incoming)
        let mask = storage.count - 1
        let tail = (head + count) & mask
        let first = min(incoming, storage.count - tail)
        // SAFETY: slices check their bounds; source and target are different memory.
        unsafe storage.withUnsafeMutableBufferPointer { storage in
            unsafe samples.withUnsafeBufferPointer { samples in
                _ = unsafe storage[tail..<tail + first].update(fromContentsOf: samples[skipped..<skipped + first])
                _ = unsafe storage[..<(incoming - first)].update(fromContentsOf: samples[(skipped + first)...])
            }
        }
        count += incoming
        return overflow + skipped
    }

    /// Moves the oldest samples over those in `frame`, as many as it has; false and untouched when there are fewer.
    package mutating func pop(into frame: inout [Int16]) -> Bool {
        guard count >= frame.count else { return false }
        peek(into: &frame)
        drop(frame.count)
        return true
    }

    /// Copies samples from the `offset`th oldest on over those in `frame` without taking them; what is missing is
    /// silence.
    package func peek(at offset: Int = 0, into frame: inout [Int16]) {
        let mask = storage.count - 1
        let first = min(max(0, offset), count)
        let available = min(frame.count, count - first)
        let start = (head + first) & mask
        let whole = min(available, storage.count - start)
        // SAFETY: slices check their bounds; source and target are different memory.
        unsafe frame.withUnsafeMutableBufferPointer { frame in
            unsafe storage.withUnsafeBufferPointer { storage in
                _ = unsafe frame[..<whole].update(fromContentsOf: storage[start..<start + whole])
                _ = unsafe frame[whole..<available].update(fromContentsOf: storage[..<(available - whole)])
            }
            for index in available..<frame.count { unsafe frame[index] = 0 }
        }
    }

    /// Drops the `number` oldest samples, or all when there are fewer.
    package mutating func drop(_ number: Int) {
        let dropped = min(max(0, number), count)
        head = (head + dropped) & (storage.count - 1)
        count -= dropped
    }

    package mutating func removeAll() {
        head = 0
        count = 0
    }

    /// Gives back what a burst has claimed, once it is over.
    package mutating func shrink(to capacity: Int) {
        let wanted = Self.powerOfTwo(atLeast: max(1, capacity, count))
        guard wanted < storage.count else { return }
        rebuild(capacity: wanted)
    }

    private mutating func reserve(_ needed: Int) {
        guard needed > storage.count else { return }
        rebuild(capacity: Self.powerOfTwo(atLeast: needed))
    }

    private mutating func rebuild(capacity: Int) {
        var replacement = [Int16](repeating: 0, count: capacity)
        let mask = storage.count - 1
        for index in 0..<count { replacement[index] = storage[(head + index) & mask] }
        storage = replacement
        head = 0
    }

    private static func powerOfTwo(atLeast number: Int) -> Int {
        var power = 1
        while power < number { power <<= 1 }
        return power
    }
}
