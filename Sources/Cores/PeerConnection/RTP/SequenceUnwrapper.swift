internal import Wire

/// Turns 16-bit sequence numbers into 64-bit ones that never wrap: each is placed nearest to the highest seen.
package struct SequenceUnwrapper: Hashable, Sendable {
    /// The highest number so far, nil before the first.
    package private(set) var highest: Int64?

    package init() {}

    /// The extended number, without taking it into account.
    package func peek(_ number: UInt16) -> Int64 {
        guard let highest else { return Int64(number) }
        return highest + Int64(number.serialDistance(from: UInt16(truncatingIfNeeded: highest)))
    }

    /// The extended number; the highest moves forward with it.
    package mutating func unwrap(_ number: UInt16) -> Int64 {
        let extended = peek(number)
        if let highest { self.highest = max(highest, extended) } else { highest = extended }
        return extended
    }
}
