internal import Synchronization

/// How durations are distributed, in fixed steps. Any thread may add to it.
// SAFETY: the places are atomic, and their memory lives until deinit.
@safe
package final class Histogram: @unchecked Sendable {
    /// Upper ends of the steps in microseconds; what is longer counts in a last one without an end. Fine where the
    /// delays of sound are, coarse where those of connecting are.
    package static let steps = [
        50, 100, 150, 200, 250, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000, 7500, 10_000, 15_000, 20_000, 30_000,
        40_000, 60_000, 100_000, 150_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000,
    ]

    // SAFETY: atomics at fixed addresses until deinit. One for each step, one for what is longer, one for the sum.
    private let counts: UnsafeMutablePointer<Atomic<Int>>
    private static let places = steps.count + 2

    package init() {
        // SAFETY: the places are made in init and freed in deinit, and each index is below their number.
        unsafe counts = .allocate(capacity: Self.places)
        for place in 0..<Self.places { unsafe (counts + place).initialize(to: Atomic(0)) }
    }

    deinit {
        // SAFETY: the places are made in init and freed in deinit, and each index is below their number.
        unsafe counts.deinitialize(count: Self.places)
        unsafe counts.deallocate()
    }

    /// - Parameter nanoseconds: negative ones count as none.
    package func add(nanoseconds: Int64) {
        let microseconds = Int(max(nanoseconds, 0) / 1000)
        var place = 0
        while place < Self.steps.count, microseconds > Self.steps[place] { place += 1 }
        // SAFETY: the places are made in init and freed in deinit, and each index is below their number.
        unsafe counts[place].wrappingAdd(1, ordering: .relaxed)
        unsafe counts[Self.places - 1].wrappingAdd(microseconds, ordering: .relaxed)
    }

    /// How many were not longer than each step, then how many there are at all; and their sum in microseconds.
    package var cumulative: (counts: [Int], sum: Int) {
        var total = 0
        let sums = (0...Self.steps.count).map { place in
            // SAFETY: the places are made in init and freed in deinit, and each index is below their number.
            unsafe total += counts[place].load(ordering: .relaxed)
            return total
        }
        return unsafe (sums, counts[Self.places - 1].load(ordering: .relaxed))
    }
}
