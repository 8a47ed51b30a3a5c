internal import Glibc

/// The process as Prometheus's client libraries show it, in the text format: `process_cpu_seconds_total` and others.
enum ProcessMetrics {
    /// - Parameter startedAt: seconds since 1970.
    static func snapshot(startedAt: Int64, logLinesLost: Int) -> String {
        var text = ""
        func add(_ name: String, _ type: String, _ help: String, _ value: String) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(name) \(value)\n"
        }
        add("process_cpu_seconds_total", "counter", "User and system CPU time.", "\(cpuSeconds)")
        if let memory {
            add("process_virtual_memory_bytes", "gauge", "Virtual memory.", "\(memory.virtual)")
            add("process_resident_memory_bytes", "gauge", "Resident memory.", "\(memory.resident)")
        }
        if let openFiles { add("process_open_fds", "gauge", "Open file descriptors.", "\(openFiles)") }
        add("process_max_fds", "gauge", "File descriptors that may be open.", "\(OpenFiles.limit)")
        add("process_start_time_seconds", "gauge", "When the process began to serve, since 1970.", "\(startedAt)")
        add(
            "voicegateway_log_lines_lost_total", "counter", "Lines of the log that nobody read in time.",
            "\(logLinesLost)")
        return text
    }

    private static var cpuSeconds: Double {
        var usage = rusage()
        // SAFETY: the structure is ours.
        guard unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return 0 }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// In bytes. `/proc/self/statm` counts pages.
    private static var memory: (virtual: Int, resident: Int)? {
        guard let text = try? TextFile.read("/proc/self/statm") else { return nil }
        let pages = text.split(separator: " ").prefix(2).compactMap { Int($0) }
        guard pages.count == 2 else { return nil }
        let size = sysconf(Int32(_SC_PAGESIZE))
        return (pages[0] * size, pages[1] * size)
    }

    /// The size of the directory, which Linux has known since 6.2; listing it takes milliseconds when there are many. Nil
    /// for an older one.
    private static var openFiles: Int? {
        var status = stat()
        // SAFETY: the structure is ours.
        guard unsafe stat("/proc/self/fd", &status) == 0, status.st_size > 0 else { return nil }
        return Int(status.st_size)
    }
}
