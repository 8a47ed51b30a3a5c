internal import Glibc

/// Where lines go. Called from any thread.
package protocol LogSink: Sendable {
    /// - Parameter line: with its line feed.
    func write(_ line: String)
}

/// A file descriptor, usually standard error. Each line is one write(2), so that lines of several threads and processes
/// do not mix.
package struct DescriptorSink: LogSink {
    private let descriptor: Int32

    /// - Parameter descriptor: stays the caller's.
    package init(descriptor: Int32) { self.descriptor = descriptor }

    package static let standardError = DescriptorSink(descriptor: STDERR_FILENO)

    package func write(_ line: String) {
        var line = line
        line.withUTF8 { bytes in
            var remaining = UnsafeRawBufferPointer(bytes)
            // SAFETY: the bytes are read during the call only.
            while unsafe !remaining.isEmpty {
                // SAFETY: the pointer and the count describe the same buffer.
                let count = unsafe Glibc.write(descriptor, remaining.baseAddress, remaining.count)
                // A log that cannot be written must not stop the calls.
                guard count > 0 || errno == EINTR else { return }
                unsafe remaining = UnsafeRawBufferPointer(rebasing: remaining.dropFirst(max(count, 0)))
            }
        }
    }
}
