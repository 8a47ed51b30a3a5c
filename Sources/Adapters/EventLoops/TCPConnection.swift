internal import CLibUV
internal import Glibc
package import Wire

/// A TCP connection: one that we open, or one that a `TCPListener` has accepted.
///
/// Belongs to the loop's thread. No callback comes after `close`, not even that of a pending `connect`.
// SAFETY: pointers are passed on during calls only; the handle is that of LoopHandle.
@safe
package final class TCPConnection: LoopHandle {
    /// What may wait to be sent; a peer that reads nothing must not fill our memory.
    package static let maximumQueuedBytes = 16 << 20
    /// How much is read in one iteration of the loop: whoever sends without end must not keep the loop for itself.
    package static let maximumReadBytes = 65_536

    /// The bytes lie in the loop's receive buffer, may be changed there, and are gone after the call.
    package var onBytes: ((inout MutableRawSpan) -> Void)?
    /// The other side has ended its half (nil), or the connection broke. Called once; the owner then closes.
    package var onEnd: ((EventLoopError?) -> Void)?
    /// All that was waiting has been handed to the kernel.
    package var onDrain: (() -> Void)?
    /// How many bytes wait to be sent.
    package private(set) var queuedBytes = 0

    private var connecting: ((Result<Void, EventLoopError>) -> Void)?
    private var connectTimer: LoopTimer?
    private(set) var hasEnded = false
    /// The iteration of the loop in which was read last.
    private var readIteration: UInt64?
    private var overflow: LoopTimer?

    /// A connection that is not connected yet.
    package init(loop: EventLoop) throws(EventLoopError) {
        // SAFETY: the handle is open until it has been closed.
        let raw = unsafe loop.raw
        try unsafe super.init(loop: loop, type: UV_TCP, label: "TCP connection") { memory in
            unsafe uv_tcp_init(raw, memory.assumingMemoryBound(to: uv_tcp_t.self))
        }
    }

    /// A connection over an accepted descriptor, which is ours from now on, whatever happens. Starts to read.
    package convenience init(
        loop: EventLoop, adopting descriptor: Int32, onBytes: @escaping (inout MutableRawSpan) -> Void,
        onEnd: @escaping (EventLoopError?) -> Void
    ) throws(EventLoopError) {
        do throws(EventLoopError) {
            try self.init(loop: loop)
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
        self.onBytes = onBytes
        self.onEnd = onEnd
        // SAFETY: the handle is open.
        let code = unsafe uv_tcp_open(pointer(as: uv_tcp_t.self), descriptor)
        guard code == 0 else {
            _ = Glibc.close(descriptor)
            close()
            throw EventLoopError(code, operation: "adopt a connection")
        }
        unsafe uv_tcp_nodelay(pointer(as: uv_tcp_t.self), 1)
        resumeReading()
    }

    /// Connects, then starts to read.
    ///
    /// - Parameter completion: called once, later, unless the connection is closed before.
    package func connect(
        to address: TransportAddress, timeout: Duration, completion: @escaping (Result<Void, EventLoopError>) -> Void
    ) {
        loop.preconditionCurrent("a TCP connection")
        precondition(!isClosed && connecting == nil, "a connection connects once")
        connecting = completion
        let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
        // SAFETY: libuv keeps the request until it calls back; it is freed there, or here if it does not start.
        unsafe request.initialize(to: uv_connect_t())
        let tcp = unsafe pointer(as: uv_tcp_t.self)
        // SAFETY: libuv calls back exactly once when the call returned 0, also when the handle is closed; the loop
        // keeps the handle's owner until after that.
        let code = unsafe SocketAddress(address).withPointer { address in
            unsafe uv_tcp_connect(request, tcp, address) { request, status in
                guard let request = unsafe request else { return }
                let data = unsafe request.pointee.handle.pointee.data
                unsafe request.deallocate()
                unsafe LoopHandle.owner(of: data, as: TCPConnection.self).connected(status)
            }
        }
        guard code == 0 else {
            unsafe request.deallocate()
            // Reported later, as the caller expects of every outcome.
            let timer = LoopTimer(loop: loop) { [weak self] in self?.connected(code) }
            timer.arm(at: loop.now)
            connectTimer = timer
            return
        }
        let timer = LoopTimer(loop: loop) { [weak self] in self?.connected(UV_ETIMEDOUT.rawValue) }
        timer.arm(after: timeout)
        connectTimer = timer
    }

    private func connected(_ status: Int32) {
        guard let completion = connecting else { return }
        connecting = nil
        connectTimer?.cancel()
        guard status == 0 else {
            close()
            return completion(.failure(EventLoopError(status, operation: "connect")))
        }
        // SAFETY: the handle is open until it has been closed.
        unsafe uv_tcp_nodelay(pointer(as: uv_tcp_t.self), 1)
        resumeReading()
        completion(.success(()))
    }

    /// Where this end is; nil before the connection stands.
    package var localAddress: TransportAddress? {
        guard !isClosed else { return nil }
        // SAFETY: the handle is open until it has been closed.
        let tcp = unsafe pointer(as: uv_tcp_t.self)
        return unsafe TransportAddress.reading { unsafe uv_tcp_getsockname(tcp, $0, $1) }
    }

    /// Where the other end is; nil before the connection stands.
    package var remoteAddress: TransportAddress? {
        guard !isClosed else { return nil }
        // SAFETY: the handle is open until it has been closed.
        let tcp = unsafe pointer(as: uv_tcp_t.self)
        return unsafe TransportAddress.reading { unsafe uv_tcp_getpeername(tcp, $0, $1) }
    }

    // MARK: Reading

    /// Reads nothing more until `resumeReading`; the kernel then slows the sender down.
    package func pauseReading() {
        guard !isClosed else { return }
        // SAFETY: the handle is open until it has been closed.
        unsafe uv_read_stop(pointer(as: uv_stream_t.self))
    }

    package func resumeReading() {
        guard !isClosed, !hasEnded else { return }
        // SAFETY: the owner outlives its callbacks, and the loop's buffer outlives both.
        let code = unsafe uv_read_start(
            pointer(as: uv_stream_t.self),
            { handle, _, buffer in
                guard let handle = unsafe handle, let buffer = unsafe buffer else { return }
                let connection = unsafe LoopHandle.owner(of: handle.pointee.data, as: TCPConnection.self)
                // Without room libuv reads no more for now; what is left makes the descriptor readable again.
                let count = connection.mayRead() ? TCPConnection.maximumReadBytes : 0
                let room = unsafe count > 0 ? connection.loop.received.bytes.baseAddress : nil
                unsafe buffer.pointee = uv_buf_init(room?.assumingMemoryBound(to: CChar.self), UInt32(count))
            },
            { handle, count, buffer in
                guard let handle = unsafe handle, let buffer = unsafe buffer else { return }
                let connection = unsafe LoopHandle.owner(of: handle.pointee.data, as: TCPConnection.self)
                if count > 0 {
                    let memory = unsafe UnsafeMutableRawBufferPointer(start: buffer.pointee.base, count: count)
                    var bytes = unsafe memory.mutableBytes
                    connection.onBytes?(&bytes)
                } else if count < 0, count != UV_ENOBUFS.rawValue {
                    connection.ended(Int32(clamping: count))
                }
            })
        // Already reading is fine; not connected is what the connect callback reports.
        if code != 0, code != UV_EALREADY.rawValue, code != UV_ENOTCONN.rawValue { ended(code) }
    }

    /// Whether the connection ends because too much waited to be sent.
    var hasOverflowed: Bool { overflow != nil }

    /// Whether something may be read in this iteration still: once.
    private func mayRead() -> Bool {
        defer { readIteration = loop.iteration }
        return readIteration != loop.iteration
    }

    func ended(_ code: Int32) {
        ended(with: code == UV_EOF.rawValue ? nil : EventLoopError(code, operation: "read or write"))
    }

    private func ended(with error: EventLoopError?) {
        guard !hasEnded, !isClosed else { return }
        hasEnded = true
        // SAFETY: the handle is open until it has been closed.
        unsafe uv_read_stop(pointer(as: uv_stream_t.self))
        onEnd?(error)
    }

    // MARK: Writing

    /// Sends the bytes, at once as far as the kernel takes them.
    ///
    /// - Returns: false when nothing was taken: the connection is closed, or more than `maximumQueuedBytes` would wait. Then
    ///   it ends with `queueFull`, since nobody could make sense of what is missing in the middle. However it ends,
    ///   `onEnd` reports it later.
    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool {
        loop.preconditionCurrent("a TCP connection")
        guard !isClosed, !hasOverflowed else { return false }
        guard !bytes.isEmpty else { return true }
        guard queuedBytes + bytes.count <= Self.maximumQueuedBytes else {
            let timer = LoopTimer(loop: loop) { [unowned self] in ended(with: .queueFull) }
            timer.arm(at: loop.now)
            overflow = timer
            return false
        }
        let request = QueuedWrite(bytes, connection: self)
        // SAFETY: the request is held until libuv calls back.
        let context = unsafe Unmanaged.passRetained(request)
        unsafe request.raw.pointee.data = context.toOpaque()
        // SAFETY: the request owns its copy of the bytes; libuv calls back exactly once when the call returned 0.
        var buffer = unsafe uv_buf_init(
            request.bytes.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(clamping: bytes.count))
        let code = unsafe uv_write(request.raw, pointer(as: uv_stream_t.self), &buffer, 1) { raw, status in
            guard let data = unsafe raw?.pointee.data else { return }
            let request = unsafe Unmanaged<QueuedWrite>.fromOpaque(data).takeRetainedValue()
            unsafe request.connection.written(request.bytes.count, status: status)
        }
        guard code == 0 else {
            unsafe context.release()
            return false
        }
        queuedBytes += bytes.count
        return true
    }

    private func written(_ count: Int, status: Int32) {
        queuedBytes -= count
        guard !isClosed else { return }
        if status != 0 {
            ended(status)
        } else if queuedBytes == 0 {
            onDrain?()
        }
    }

    /// Ends our half once all that waits has been sent; the other side may still send.
    package func shutdown() {
        loop.preconditionCurrent("a TCP connection")
        guard !isClosed else { return }
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        // SAFETY: libuv keeps the request until it calls back; it is freed there, or here if it does not start.
        unsafe request.initialize(to: uv_shutdown_t())
        // SAFETY: libuv calls back exactly once when the call returned 0.
        let code = unsafe uv_shutdown(request, pointer(as: uv_stream_t.self)) { request, _ in
            unsafe request?.deallocate()
        }
        if code != 0 { unsafe request.deallocate() }
    }

    /// Ends the connection here without ending it on the network: the descriptor, which does not block, belongs to the
    /// caller, who may have it adopted by another loop. Closed afterwards.
    ///
    /// - Returns: nil, and nothing has changed, while bytes wait to be sent, or when the process has no descriptor left.
    package func detach() -> Int32? {
        loop.preconditionCurrent("a TCP connection")
        guard !isClosed, !hasEnded, connecting == nil, queuedBytes == 0 else { return nil }
        var own: Int32 = -1
        // SAFETY: the handle is open until it has been closed.
        guard unsafe uv_fileno(pointer(as: uv_handle_t.self), &own) == 0 else { return nil }
        // libuv closes its descriptor with the handle; the connection lives on in the copy.
        let copy = fcntl(own, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return nil }
        unsafe uv_read_stop(pointer(as: uv_stream_t.self))
        close()
        return copy
    }

    override func willClose() {
        connectTimer?.cancel()
        connectTimer = nil
        overflow?.cancel()
        overflow = nil
        connecting = nil
        onBytes = nil
        onEnd = nil
        onDrain = nil
    }
}

/// Bytes that wait until the kernel has room.
// SAFETY: libuv has the memory until it calls back, and until then the object is held.
@safe
private final class QueuedWrite {
    let raw: UnsafeMutablePointer<uv_write_t>
    let bytes: UnsafeMutableRawBufferPointer
    let connection: TCPConnection

    init(_ source: [UInt8], connection: TCPConnection) {
        self.connection = connection
        // SAFETY: the bytes are copied into memory that is freed with this object.
        unsafe raw = .allocate(capacity: 1)
        unsafe raw.initialize(to: uv_write_t())
        unsafe bytes = .allocate(byteCount: source.count, alignment: 1)
        unsafe bytes.copyBytes(from: source)
    }

    deinit {
        // SAFETY: libuv has called back, or refused the request.
        unsafe raw.deallocate()
        unsafe bytes.deallocate()
    }
}
