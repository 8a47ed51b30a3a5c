internal import EventLoops
internal import Glibc

/// Sockets that systemd has opened for the process: sd_listen_fds(3).
enum InheritedSockets {
    private static let first: Int32 = 3
    /// More is a slip.
    private static let maximum: Int32 = 64

    /// Those that listen for clients; none when the process was started otherwise.
    static func take() throws(EventLoopError) -> [ListeningSocket] {
        guard let process = number("LISTEN_PID"), process == getpid(), let count = number("LISTEN_FDS"),
            (1...maximum).contains(count)
        else { return [] }
        var sockets: [ListeningSocket] = []
        for descriptor in first..<first + count {
            sockets.append(try ListeningSocket(inherited: descriptor))
        }
        return sockets
    }

    private static func number(_ name: String) -> Int32? {
        // SAFETY: nothing changes the environment, and the text is copied.
        unsafe getenv(name).flatMap { unsafe Int32(String(cString: $0)) }
    }
}
