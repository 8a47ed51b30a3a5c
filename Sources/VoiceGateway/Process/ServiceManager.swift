internal import EventLoops
internal import Glibc

/// Tells systemd how far the process is: sd_notify(3), which is a datagram to the socket that `NOTIFY_SOCKET` names.
struct ServiceManager: Sendable {
    private let path: String

    /// Nil when nobody wants to know.
    init?() {
        // SAFETY: nothing changes the environment, and the text is copied.
        guard let path = unsafe getenv("NOTIFY_SOCKET").map({ unsafe String(cString: $0) }), !path.isEmpty else {
            return nil
        }
        self.path = path
    }

    func ready() { tell("READY=1\nSTATUS=serving") }

    func reloading() {
        var now = timespec()
        // SAFETY: the structure is ours.
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        tell("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }

    func stopping(calls: Int) { tell("STOPPING=1\nSTATUS=draining, calls left: \(calls)") }

    /// Says from time to time that the process lives, while all loops answer; nil when nobody waits for it.
    func keepAlive(_ loops: [EventLoop]) throws(EventLoopError) -> PeriodicThread? {
        // SAFETY: nothing changes the environment, and the text is copied.
        guard let text = unsafe getenv("WATCHDOG_USEC").map({ unsafe String(cString: $0) }), let limit = Int64(text),
            limit > 0
        else { return nil }
        let answers = Locked(loops.count)
        // Three times within the limit, so that one may be late.
        return try PeriodicThread(name: "watchdog", interval: .microseconds(limit / 3), state: ()) { _ in
            guard answers.withLock({ $0 }) == loops.count else { return }
            tell("WATCHDOG=1")
            answers.withLock { $0 = 0 }
            for loop in loops { loop.execute { answers.withLock { $0 += 1 } } }
        }
    }

    /// How long a message may wait for room in the socket's queue: what systemd waits for must not get lost, and nobody who
    /// reads no more may keep the process.
    private static let patience = timeval(tv_sec: 2, tv_usec: 0)

    private func tell(_ lines: String) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var patience = Self.patience
        // SAFETY: the structure is read during the call only.
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        // The names of sockets without a file begin with a zero byte (unix(7)).
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        let offset = MemoryLayout<sa_family_t>.size
        guard name.count < MemoryLayout<sockaddr_un>.size - offset else { return }
        let length = socklen_t(offset + name.count)
        // SAFETY: the name fits behind the family, and the length says where it ends.
        unsafe withUnsafeMutableBytes(of: &address) { bytes in
            for (index, byte) in name.enumerated() { unsafe bytes[offset + index] = byte }
        }
        let message = Array(lines.utf8)
        // SAFETY: both buffers are read during the call only.
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = unsafe sendto(
                    descriptor, message, message.count, Int32(MSG_NOSIGNAL),
                    pointer, length)
            }
        }
    }
}
