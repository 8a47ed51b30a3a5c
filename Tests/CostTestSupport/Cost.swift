import CostMeter

/// What an input costs, in bytes that are copied or allocated for it: the same on every machine, however busy it is.
package enum Cost {
    /// False under a sanitizer, which replaces what is counted.
    package static var isCounted: Bool { cost_meter_works() != 0 }

    /// Bytes that this thread copies or allocates during the call.
    package static func of<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) -> Int {
        let before = cost_meter_bytes()
        try body()
        return Int(cost_meter_bytes() - before)
    }

    /// How many times as much twice the input costs: about 2 where each byte is handled once, about 4 where all that came
    /// before is handled again with each piece.
    package static func growth<Failure: Error>(_ run: (_ size: Int) throws(Failure) -> Void, size: Int) throws(Failure)
        -> Double
    {
        // What is made once for the process belongs to nobody's input.
        try run(size)
        let once = try of { () throws(Failure) in try run(size) }
        let twice = try of { () throws(Failure) in try run(2 * size) }
        return Double(twice) / Double(max(1, once))
    }
}
