internal import CLibUV
internal import Glibc

extension TCPConnection {
    /// How many times `readArrived` reads; what is left comes in the loop's next iteration.
    static let maximumReadsAtOnce = 16
    private static let readBytes = 16_384

    /// Hands over now what the kernel has already, instead of in the loop's next iteration: whoever is about to write to a
    /// connection that has been silent learns first that the peer has ended it.
    ///
    /// Not to be called from `onBytes`.
    package func readArrived() {
        loop.preconditionCurrent("a TCP connection")
        var descriptor: Int32 = -1
        // SAFETY: the handle is open, and the buffer is used during the call only.
        guard !isClosed, !hasEnded, unsafe uv_fileno(pointer(as: uv_handle_t.self), &descriptor) == 0 else { return }
        unsafe withUnsafeTemporaryAllocation(byteCount: Self.readBytes, alignment: 16) { buffer in
            for _ in 0..<Self.maximumReadsAtOnce where !isClosed && !hasEnded {
                // SAFETY: the kernel writes at most as many bytes as the buffer has, and returns how many.
                let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                if count > 0 {
                    let memory = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                    var bytes = unsafe memory.mutableBytes
                    onBytes?(&bytes)
                } else if count == 0 {
                    return ended(UV_EOF.rawValue)
                } else if errno == EAGAIN || errno == EWOULDBLOCK {
                    return
                } else if errno != EINTR {
                    return ended(-errno)
                }
            }
        }
    }
}
