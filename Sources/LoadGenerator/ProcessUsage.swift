internal import Glibc

/// What a process has used so far, as the kernel tells it.
package struct ProcessUsage: Hashable, Sendable {
    package let name: String
    /// In user mode and in the kernel, in seconds.
    package let user: Double
    package let system: Double
    /// Memory that is really there, in bytes.
    package let resident: Int
    package let threads: Int

    /// Nil when there is no such process.
    package init?(process: Int32) {
        guard let line = Self.read("/proc/\(process)/stat"), let end = line.lastIndex(of: ")"),
            let start = line.firstIndex(of: "(")
        else { return nil }
        // The name may hold anything; the fields behind it are counted from 3 (proc(5)).
        let fields = line[line.index(after: end)...].split(separator: " ")
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let threads = Int(fields[17]), let pages = Int(fields[21])
        else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        name = String(line[line.index(after: start)..<end])
        self.user = user / ticks
        self.system = system / ticks
        self.threads = threads
        resident = pages * sysconf(Int32(_SC_PAGESIZE))
    }

    package var total: Double { user + system }

    private static func read(_ path: String) -> String? {
        // SAFETY: the path and the buffer are used during the calls only.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        // SAFETY: pointer and count describe the same buffer.
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}

extension ProcessUsage {
    /// The id of the process that asks.
    static var ownProcess: Int32 { getpid() }
}
