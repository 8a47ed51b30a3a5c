internal import Glibc

/// Reads what is to be played.
enum CallFile {
    static func read(_ path: String) throws(UsageError) -> [UInt8] {
        func complain() -> UsageError {
            // SAFETY: the text of an error is copied at once.
            UsageError([unsafe "\(path) cannot be read: \(String(cString: strerror(errno)))."])
        }
        // SAFETY: the path is read during the call only.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw complain() }
        defer { _ = Glibc.close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // SAFETY: pointer and count describe the same buffer.
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw complain() }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= CallSpeech.maximumFileBytes else {
                throw UsageError(["\(path) is larger than \(CallSpeech.maximumFileBytes >> 20) MB."])
            }
        }
    }
}
