internal import Glibc
internal import Synchronization

/// A file descriptor, usually standard error. Lines of several threads do not mix, nor do those of several processes as long as
/// they are no longer than 4096 bytes.
///
/// A pipe or a socket whose reader does not keep up takes no lines meanwhile: calls are not to wait for a log. The descriptor
/// may be shared with other processes, so it is asked whether it takes bytes, and not set to never block.
package final class DescriptorSink: LogSink {
    /// So many bytes a pipe takes without waiting when it says that it takes any (pipe(7), PIPE_BUF).
    private static let pieceBytes = 4096

    private let descriptor: Int32
    /// The last line could only be written in part.
    private let isTorn = Mutex(false)

    /// - Parameter descriptor: stays the caller's.
    package init(descriptor: Int32) { self.descriptor = descriptor }

    package static let standardError = DescriptorSink(descriptor: STDERR_FILENO)

    package func write(_ line: String) -> Bool {
        isTorn.withLock { isTorn in
            var line = isTorn ? "\n" + line : line
            let written = line.withUTF8 { bytes in unsafe write(UnsafeRawBufferPointer(bytes)) }
            let isWhole = written == line.utf8.count
            // What has begun is ended before the next.
            if written > 0 { isTorn = !isWhole }
            return isWhole
        }
    }

    /// - Returns: how many bytes were taken.
    // SAFETY: the bytes are read during the call only.
    private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        var start = 0
        while start < bytes.count {
            var question = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard unsafe poll(&question, 1, 0) == 1, question.revents & Int16(POLLOUT) != 0 else { return start }
            let length = min(Self.pieceBytes, bytes.count - start)
            // SAFETY: start and length lie within the buffer.
            let count = unsafe Glibc.write(descriptor, bytes.baseAddress.map { unsafe $0 + start }, length)
            guard count > 0 || errno == EINTR else { return start }
            start += max(count, 0)
        }
        return start
    }
}
