internal import Glibc

/// A directory of the gateway's own. One process has it at a time, and nobody else may write into it.
///
/// Blocks: not for the thread of a loop that has calls.
// SAFETY: the descriptors are opened in init and closed in deinit; the calls on them may come from any thread.
package final class SpoolDirectory: Sendable {
    /// Why a directory cannot be used, as the end of a sentence.
    package struct Failure: Error, Hashable, Sendable {
        package let reason: String
        /// Another process has it, and may let go of it.
        package let isInUse: Bool

        init(_ reason: String, isInUse: Bool = false) {
            self.reason = reason
            self.isInUse = isInUse
        }

        /// By `errno`.
        static var system: Failure { unsafe Failure(String(cString: strerror(errno))) }
    }

    private static let lockName = "lock"

    private let directory: Int32
    private let lock: Int32

    /// Makes the directory if need be; those above it must be there.
    package init(_ path: String) throws(Failure) {
        // SAFETY: paths are read during the calls only.
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw .system }
        let directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .system }
        do throws(Failure) {
            lock = try Self.lock(in: directory)
        } catch {
            close(directory)
            throw error
        }
        self.directory = directory
    }

    private static func lock(in directory: Int32) throws(Failure) -> Int32 {
        var status = stat()
        // SAFETY: the structure is ours.
        guard unsafe fstat(directory, &status) == 0 else { throw .system }
        guard status.st_mode & 0o022 == 0 else {
            throw Failure("others than its owner may write into it, and could send events in the gateway's name")
        }
        // SAFETY: the name is read during the call only.
        let lock = unsafe openat(directory, lockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .system }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let failure = errno == EWOULDBLOCK ? Failure("another gateway uses it", isInUse: true) : .system
            close(lock)
            throw failure
        }
        return lock
    }

    deinit {
        close(lock)
        close(directory)
    }

    /// The names of all that is in it, in no order.
    package func names() throws(Failure) -> [String] {
        // A descriptor of its own: reading moves its place.
        // SAFETY: the stream takes the descriptor over, and is closed here.
        let descriptor = unsafe openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system }
        guard let stream = unsafe fdopendir(descriptor) else {
            close(descriptor)
            throw .system
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names
    }

    /// The content of a plain file.
    package func read(_ name: String, upTo limit: Int) throws(Failure) -> [UInt8] {
        // SAFETY: the name is read during the call only.
        let file = unsafe openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw .system }
        defer { close(file) }
        var status = stat()
        // SAFETY: the structure is ours.
        guard unsafe fstat(file, &status) == 0 else { throw .system }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure("it is no plain file") }
        guard status.st_size <= limit else { throw Failure("it is larger than \(limit) bytes") }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: limit + 1)
        while content.count <= limit {
            // SAFETY: the count is that of the buffer.
            let count = unsafe Glibc.read(file, &buffer, buffer.count)
            if count == 0 { return content }
            if count < 0 {
                if errno == EINTR { continue }
                throw .system
            }
            content += buffer[..<count]
        }
        throw Failure("it is larger than \(limit) bytes")
    }

    /// Writes a file such that it is there as a whole or not at all, even if the machine stops.
    package func write(_ name: String, _ content: [UInt8]) throws(Failure) {
        let draft = name + Self.draftSuffix
        // SAFETY: names are read during the calls only.
        let file = unsafe openat(directory, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system }
        do throws(Failure) {
            defer { close(file) }
            var written = 0
            while written < content.count {
                // SAFETY: the buffer is read during the call only.
                let count = unsafe content[written...].withUnsafeBytes { bytes in
                    unsafe Glibc.write(file, bytes.baseAddress, bytes.count)
                }
                guard count > 0 || errno == EINTR else { throw .system }
                written += max(count, 0)
            }
            guard fsync(file) == 0 else { throw .system }
        } catch {
            remove(draft)
            throw error
        }
        // SAFETY: names are read during the call only.
        guard unsafe renameat(directory, draft, directory, name) == 0 else { throw .system }
    }

    /// What files are called until they are complete ends so.
    package static let draftSuffix = ".draft"

    package func rename(_ name: String, to new: String) {
        // SAFETY: names are read during the call only.
        _ = unsafe renameat(directory, name, directory, new)
    }

    package func remove(_ name: String) {
        // SAFETY: the name is read during the call only.
        _ = unsafe unlinkat(directory, name, 0)
    }
}
