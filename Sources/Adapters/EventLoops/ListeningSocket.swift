internal import CLibUV
internal import Glibc
package import Wire

/// A socket that listens already: one at a path of the file system, or one that somebody else has opened for us. All loops
/// take connections from it.
package final class ListeningSocket: Sendable {
    /// The longest path that the kernel takes for a socket.
    package static let maximumPathBytes = 107

    /// For people: an address or a path.
    package let place: String
    /// Nil for a path.
    package let address: TransportAddress?
    let descriptor: Int32
    /// Removed at the end.
    private let path: String?

    private init(descriptor: Int32, place: String, address: TransportAddress?, path: String?) {
        self.descriptor = descriptor
        self.place = place
        self.address = address
        self.path = path
    }

    deinit {
        _ = Glibc.close(descriptor)
        // SAFETY: the path is read during the call only.
        if let path { _ = unsafe unlink(path) }
    }

    /// Listens at a path. Owner and group may connect. What a process that is gone has left there is replaced.
    package convenience init(path: String) throws(EventLoopError) {
        guard !path.isEmpty, path.utf8.count <= Self.maximumPathBytes, !path.utf8.contains(0) else {
            throw .system(
                operation: "listen at \(path.prefix(200))",
                reason: "the path has \(path.utf8.count) bytes, allowed are 1 to \(Self.maximumPathBytes)")
        }
        if Self.isTaken(path) {
            throw .system(operation: "listen at \(path)", reason: "another process listens there")
        }
        // SAFETY: the path is read during the call only.
        if Self.isSocket(path) { _ = unsafe unlink(path) }
        let descriptor = Self.open()
        // SAFETY: address and path are read during the calls only.
        guard descriptor >= 0, unsafe Self.withAddress(path, { unsafe bind(descriptor, $0, $1) }) == 0,
            unsafe chmod(path, 0o660) == 0, listen(descriptor, SOMAXCONN) == 0
        else {
            let code = errno
            if descriptor >= 0 { _ = Glibc.close(descriptor) }
            throw .system(operation: "listen at \(path)", reason: Self.words(code))
        }
        self.init(descriptor: descriptor, place: path, address: nil, path: path)
    }

    /// Takes a descriptor that the process was started with, which is ours from now on.
    package convenience init(inherited descriptor: Int32) throws(EventLoopError) {
        var isListening: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        // SAFETY: what the pointers point to is used during the call only.
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0, isListening == 1
        else {
            throw .system(operation: "take the descriptor \(descriptor)", reason: "it is no stream socket that listens")
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        // SAFETY: what the pointers point to is used during the call only.
        let address = unsafe TransportAddress.reading { pointer, length in
            var size = unsafe socklen_t(length.pointee)
            return unsafe getsockname(descriptor, pointer, &size)
        }
        self.init(
            descriptor: descriptor, place: address.map { "\($0)" } ?? "a socket of the service manager",
            address: address, path: nil)
    }

    // MARK: Paths

    private static func open() -> Int32 {
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    private static func isSocket(_ path: String) -> Bool {
        var status = stat()
        // SAFETY: the path is read and the structure filled during the call only.
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    /// Whether somebody listens there.
    private static func isTaken(_ path: String) -> Bool {
        let descriptor = open()
        guard descriptor >= 0 else { return false }
        defer { _ = Glibc.close(descriptor) }
        // SAFETY: the address is read during the call only.
        let code = unsafe withAddress(path) { unsafe connect(descriptor, $0, $1) }
        // A queue that is full is somebody's, too.
        return code == 0 || errno == EAGAIN
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let offset = MemoryLayout<sa_family_t>.size
        // SAFETY: the path fits behind the family with the zero byte at its end, which has been checked.
        unsafe withUnsafeMutableBytes(of: &address) { bytes in
            for (index, byte) in path.utf8.enumerated() { unsafe bytes[offset + index] = byte }
        }
        // SAFETY: every sockaddr begins with the family that says how long it is.
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe body(
                UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
                socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }

    // SAFETY: the text is copied at once.
    private static func words(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
