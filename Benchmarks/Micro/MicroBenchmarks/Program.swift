internal import Glibc
internal import Wire

/// `MicroBenchmarks [--update] [--time] [name…]`: measures the benchmarks whose names begin so, or all, and compares
/// them with the thresholds; `--update` writes new thresholds instead, `--time` leaves callgrind out.
@main
enum Program {
    static let thresholdFile = "Benchmarks/Micro/thresholds.json"
    /// New thresholds leave this much room: compilers and libraries change a little between machines.
    static let headroom = 1.05

    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            TextFile.complain("microbench: \(error)")
            exit(1)
        }
    }

    private static func run(_ arguments: [String]) throws {
        if arguments.first == Callgrind.option { return try runCounted(Array(arguments.dropFirst())) }
        let prefixes = arguments.filter { !$0.hasPrefix("--") }
        let chosen = allBenchmarks.filter { benchmark in
            prefixes.isEmpty || prefixes.contains { benchmark.name.hasPrefix($0) }
        }
        var times: [String: Double] = [:]
        for benchmark in chosen { times[benchmark.name] = try benchmark.run().nanoseconds }
        if arguments.contains("--time") {
            for benchmark in chosen {
                print("\(Table.left(benchmark.name, 34)) \(Table.right(String(Int(times[benchmark.name] ?? 0)), 9)) ns")
            }
            return
        }
        let counts = try Callgrind.count(chosen.map(\.name))
        let isUpdate = arguments.contains("--update")
        var thresholds = (try? Thresholds(file: thresholdFile)) ?? Thresholds()
        let failures = report(chosen, times, counts, &thresholds, isUpdate: isUpdate)
        if isUpdate { try TextFile.write(thresholds.text, to: thresholdFile) }
        if failures > 0 {
            TextFile.complain("microbench: \(failures) beyond their thresholds (\(thresholdFile))")
            exit(1)
        }
    }

    /// Prints the table and returns how many benchmarks are too expensive.
    private static func report(
        _ benchmarks: [Benchmark], _ times: [String: Double], _ counts: [String: Callgrind.Counts],
        _ thresholds: inout Thresholds, isUpdate: Bool
    ) -> Int {
        var failures = 0
        print(
            Table.left("one operation", 34), Table.right("instructions", 13), Table.right("allowed", 9),
            Table.right("allocations", 12), Table.right("ns", 9))
        var instructions: [String: Double] = [:]
        for benchmark in benchmarks {
            guard let count = counts[benchmark.name] else { continue }
            let cost = Double(count.instructions) / Double(benchmark.operations)
            let allocations = Double(count.allocations) / Double(benchmark.operations)
            instructions[benchmark.name] = cost
            if isUpdate {
                // What allocates nothing must stay so; what does may allocate one more for each hundred operations.
                thresholds.entries[benchmark.name] = Threshold(
                    instructions: (cost * headroom).rounded(.up),
                    allocations: allocations == 0 ? 0 : ((allocations + 0.01) * 100).rounded(.up) / 100)
            }
            let limit = thresholds.entries[benchmark.name]
            let isTooMuch = limit.map { cost > $0.instructions || allocations > $0.allocations } ?? true
            if isTooMuch { failures += 1 }
            print(
                Table.left(benchmark.name, 34), Table.right(String(Int(cost)), 13),
                Table.right(limit.map { String(Int($0.instructions)) } ?? "none", 9),
                Table.right(Table.number(allocations), 12), Table.right(String(Int(times[benchmark.name] ?? 0)), 9),
                isTooMuch ? "  TOO MUCH" : "")
        }
        printShares(instructions)
        return failures
    }

    /// What the gateway's own code adds to libopus, in instructions of user space.
    private static func printShares(_ instructions: [String: Double]) {
        for share in mediaShares {
            guard let whole = instructions[share.path], let codec = instructions[share.codec], codec > 0 else {
                continue
            }
            let ratio = (whole / codec * 1000).rounded() / 1000
            print("\(share.path) ÷ \(share.codec) = \(ratio)")
        }
    }

    /// Under callgrind: the named benchmarks, and a file with their allocations.
    private static func runCounted(_ arguments: [String]) throws {
        guard let folder = arguments.first, Benchmark.isCounted else { exit(2) }
        var allocations = JSONObject()
        for name in arguments.dropFirst() {
            guard let benchmark = allBenchmarks.first(where: { $0.name == name }) else { exit(2) }
            allocations.append(name, .integer(Int64(clamping: try benchmark.run().allocations)))
        }
        try TextFile.write(JSONValue.object(allocations).serialized(), to: folder + "/allocations.json")
    }
}
