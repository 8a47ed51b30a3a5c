/// How often each size of a duration occurred, in a table that does not grow: exact to about 3 %, and counting costs a
/// few instructions.
package struct LoadDistribution: Sendable {
    /// Each doubling of the value is divided into so many steps.
    private static let steps = 32
    /// Beyond an hour all counts as an hour, in microseconds.
    private static let largest = 3_600_000_000

    private var counts: [Int] = []
    package private(set) var count = 0
    /// In microseconds.
    package private(set) var sum = 0
    package private(set) var largest = 0

    package init() {}

    package mutating func add(_ duration: Duration) {
        let value = min(
            max(
                Int(duration.components.seconds) * 1_000_000
                    + Int(duration.components.attoseconds / 1_000_000_000_000), 0), Self.largest)
        let index = Self.index(of: value)
        if index >= counts.count { counts.append(contentsOf: repeatElement(0, count: index + 1 - counts.count)) }
        counts[index] += 1
        count += 1
        sum += value
        largest = max(largest, value)
    }

    /// In milliseconds; nil when nothing was counted.
    ///
    /// - Parameter fraction: 0.5 for the median.
    package func percentile(_ fraction: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = min(max(Int((Double(count) * fraction).rounded(.up)), 1), count)
        var seen = 0
        for (index, number) in counts.enumerated() {
            seen += number
            if seen >= rank { return Double(min(Self.upperEnd(of: index), largest)) / 1000 }
        }
        return Double(largest) / 1000
    }

    /// In milliseconds.
    package var mean: Double? { count > 0 ? Double(sum) / Double(count) / 1000 : nil }

    private static func index(of value: Int) -> Int {
        guard value >= 2 * steps else { return value }
        // So many bits are cut off that 32 to 63 remain.
        let cut = Int.bitWidth - 1 - value.leadingZeroBitCount - 5
        return cut * steps + (value >> cut)
    }

    /// The largest value of a step, so that percentiles are never too good.
    private static func upperEnd(of index: Int) -> Int {
        guard index >= 2 * steps else { return index }
        let cut = index / steps - 1
        return (index - cut * steps + 1) << cut - 1
    }
}
