internal import CMeasure

/// One small piece of work, measured alone.
struct Benchmark {
    /// `area.what`, the name in the table of thresholds.
    let name: String
    /// How often the work is done for one measurement, after `warmUp` times that do not count.
    let operations: Int
    /// Makes what the work needs, for so many runs altogether, and returns the work: a function that does it so many
    /// times.
    let prepare: (_ total: Int) throws -> (_ times: Int) -> Void

    /// - Parameter operations: a thousand is enough: instructions do not vary like time.
    init(_ name: String, operations: Int = 1000, prepare: @escaping (_ total: Int) throws -> (_ times: Int) -> Void) {
        self.name = name
        self.operations = operations
        self.prepare = prepare
    }

    /// Work that needs nothing but a first preparation and is the same each time.
    init(_ name: String, operations: Int = 1000, each: @escaping () throws -> () -> Void) {
        self.init(name, operations: operations) { _ in
            let work = try each()
            return { times in for _ in 0..<times { work() } }
        }
    }

    /// Enough for buffers to reach the size at which they stay.
    var warmUp: Int { max(100, operations / 5) }

    /// Whether instructions are being counted.
    static var isCounted: Bool { measure_is_counted() != 0 }

    /// What one run has shown.
    struct Outcome {
        /// For one operation, by the clock.
        var nanoseconds: Double
        /// Of the whole measurement.
        var allocations: UInt64
    }

    /// Does the work. Under callgrind the instructions go to a file under the benchmark's name.
    func run() throws -> Outcome {
        let work = try prepare(warmUp + operations)
        work(warmUp)
        let allocated = measure_allocations()
        let start = ProcessClock.nanoseconds()
        measure_begin()
        work(operations)
        // SAFETY: the name is read during the call only.
        unsafe name.withCString { unsafe measure_end($0) }
        let end = ProcessClock.nanoseconds()
        return Outcome(
            nanoseconds: Double(end - start) / Double(operations), allocations: measure_allocations() - allocated)
    }
}

/// Makes the optimiser believe that a result is needed.
@inline(__always)
func keep(_ value: Int) { measure_keep(UInt64(truncatingIfNeeded: value)) }
