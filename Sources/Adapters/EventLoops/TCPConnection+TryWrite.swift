internal import CLibUV
internal import Glibc

extension TCPConnection {
    /// Hands the kernel as many of the bytes as it takes now, and keeps none.
    ///
    /// - Returns: how many were taken: 0 while earlier bytes wait, and on a broken connection, which the next `write`
    ///   or read reports.
    package func tryWrite(_ bytes: RawSpan) -> Int {
        loop.preconditionCurrent("a TCP connection")
        guard !isClosed, queuedBytes == 0, !hasOverflowed, !bytes.isEmpty else { return 0 }
        // SAFETY: the handle is open; libuv reads the bytes during the call and does not change them.
        return unsafe bytes.withUnsafeBytes { bytes in
            let base = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)
            var buffer = unsafe uv_buf_init(base?.assumingMemoryBound(to: CChar.self), UInt32(clamping: bytes.count))
            return unsafe max(0, Int(uv_try_write(pointer(as: uv_stream_t.self), &buffer, 1)))
        }
    }

    /// Bytes that the kernel has taken and the peer has not acknowledged (SIOCOUTQ).
    package var unacknowledgedBytes: Int {
        var descriptor: Int32 = -1
        // SAFETY: the handle is open, and the descriptor is stored in a variable of ours.
        guard !isClosed, unsafe uv_fileno(pointer(as: uv_handle_t.self), &descriptor) == 0 else { return 0 }
        var count: Int32 = 0
        // SAFETY: the request stores one Int32.
        return unsafe ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
    }

    /// Limits what the kernel holds without having sent it (TCP_NOTSENT_LOWAT); what is beyond waits here, where its owner
    /// can still change its mind about it.
    package func limitUnsentBytes(_ count: Int) {
        guard !isClosed else { return }
        var descriptor: Int32 = -1
        // SAFETY: the handle is open, and the kernel reads the bytes during the call only.
        guard unsafe uv_fileno(pointer(as: uv_handle_t.self), &descriptor) == 0 else { return }
        var value = Int32(clamping: count)
        // Without the option calls still work; a slow reader's audio is only older when it is dropped.
        unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
