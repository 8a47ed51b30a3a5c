internal import CLibUV

/// The memory that sockets of one loop read into. One for all of them, since their callbacks never overlap; made when it is
/// first needed.
///
/// Belongs to the loop's thread.
// SAFETY: the memory is made once and freed in deinit; only the thread of the loop uses it.
@safe
final class ReceiveBuffers {
    private var madeBytes: UnsafeMutableRawBufferPointer?
    private var madeBatch: UnsafeMutablePointer<gateway_batch>?

    deinit {
        // SAFETY: see the type.
        unsafe madeBytes?.deallocate()
        unsafe madeBatch?.deallocate()
    }

    /// Room for as many datagrams of the largest size as are taken from the kernel at once.
    var bytes: UnsafeMutableRawBufferPointer {
        // SAFETY: see the type.
        if let madeBytes = unsafe madeBytes { return unsafe madeBytes }
        let new = UnsafeMutableRawBufferPointer.allocate(
            byteCount: UDPSocket.maximumDatagramsPerRead * UDPSocket.maximumDatagramBytes, alignment: 64)
        unsafe madeBytes = new
        return unsafe new
    }

    /// The heads of the datagrams that are read at once, over `bytes`.
    var batch: UnsafeMutablePointer<gateway_batch> {
        // SAFETY: see the type.
        if let madeBatch = unsafe madeBatch { return unsafe madeBatch }
        let new = UnsafeMutablePointer<gateway_batch>.allocate(capacity: 1)
        // SAFETY: the bytes have room for a whole batch and live as long as it.
        unsafe new.initialize(to: gateway_batch())
        unsafe gateway_prepare_batch(new, bytes.baseAddress, UDPSocket.maximumDatagramBytes)
        unsafe madeBatch = new
        return unsafe new
    }
}
