internal import Glibc
internal import Wire

/// Runs this program once more under callgrind and reads how many instructions each benchmark took.
enum Callgrind {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What the counted run does: the benchmarks' names follow. Its allocations come back in a file.
    static let option = "--counted"

    /// Instructions and allocations of one benchmark, all operations together.
    struct Counts {
        var instructions: UInt64
        var allocations: UInt64
    }

    /// - Parameter names: the benchmarks to run.
    static func count(_ names: [String]) throws -> [String: Counts] {
        let folder = try makeFolder()
        defer { remove(folder) }
        // Debian's valgrind stumbles over the debug information of newer compilers.
        let program = folder + "/program"
        guard spawn(["strip", "--strip-debug", "-o", program, CommandLine.arguments[0]]) == 0 else {
            throw Failure(description: "strip (binutils) cannot copy \(CommandLine.arguments[0])")
        }
        let status = spawn(
            [
                "valgrind", "--tool=callgrind", "--callgrind-out-file=\(folder)/profile", "--quiet",
                "--log-file=\(folder)/log", program, option, folder,
            ] + names)
        guard status == 0 else {
            let log = (try? TextFile.read(folder + "/log")).map { String(decoding: $0, as: UTF8.self) } ?? ""
            throw Failure(description: "valgrind ended with status \(status)\n\(log)")
        }
        var instructions: [String: UInt64] = [:]
        for file in TextFile.list(folder) where file.hasPrefix("profile") {
            guard let (name, count) = parse(try TextFile.read(folder + "/" + file)) else { continue }
            instructions[name] = count
        }
        let allocations = try JSONValue(parsing: try TextFile.read(folder + "/allocations.json"))
        var counts: [String: Counts] = [:]
        for name in names {
            guard let found = instructions[name], let allocated = allocations[name]?.integer else {
                throw Failure(description: "callgrind has not counted \(name)")
            }
            counts[name] = Counts(instructions: found, allocations: UInt64(clamping: allocated))
        }
        return counts
    }

    /// The benchmark's name and the instructions in one of callgrind's files; nil for the one about the rest.
    private static func parse(_ file: [UInt8]) -> (String, UInt64)? {
        let prefix = "desc: Trigger: Client Request: "
        var name: String?
        for line in file.split(separator: UInt8(ascii: "\n"), maxSplits: 60) {
            let text = String(decoding: line.prefix(400), as: UTF8.self)
            if text.hasPrefix(prefix) { name = String(text.dropFirst(prefix.count)) }
            if text.hasPrefix("summary: "), let name, let count = UInt64(text.dropFirst(9)) { return (name, count) }
        }
        return nil
    }

    private static func makeFolder() throws(Failure) -> String {
        // SAFETY: nothing changes the environment while it is read.
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/microbench.XXXXXX".utf8CString)
        // SAFETY: the call changes letters in place.
        guard unsafe mkdtemp(&template) != nil else {
            throw Failure(description: "no folder can be made in \(parent)")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func remove(_ folder: String) {
        // SAFETY: the paths are read during the calls only.
        for file in TextFile.list(folder) { unsafe unlink(folder + "/" + file) }
        unsafe rmdir(folder)
    }

    /// Runs a program of the search path with its output where ours goes, and returns its exit status.
    private static func spawn(_ arguments: [String]) -> Int32 {
        // The order of hash tables is random otherwise, and with it the number of instructions.
        // SAFETY: this program has one thread, and each copy of a text is freed once, after the call that reads it.
        unsafe setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
        var pointers: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) }
        defer { unsafe pointers.forEach { unsafe free($0) } }
        unsafe pointers.append(nil)
        var child = pid_t()
        guard unsafe posix_spawnp(&child, arguments[0], nil, nil, pointers, environ) == 0 else { return -1 }
        var status: Int32 = 0
        guard unsafe waitpid(child, &status, 0) == child else { return -1 }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : status
    }
}
