internal import Glibc

/// Standard output and standard error, for people. (What happens during the work goes to the log.)
enum Console {
    /// Writes text as it is.
    static func print(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes a sentence about what is wrong.
    static func complain(_ sentence: String) { write("VoiceGateway: \(sentence)\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            // SAFETY: the bytes are read during the call only.
            while unsafe !rest.isEmpty {
                // SAFETY: pointer and count describe the same buffer.
                let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                guard count > 0 || errno == EINTR else { return }
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(max(count, 0)))
            }
        }
    }
}
