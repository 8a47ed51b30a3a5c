internal import CLibUV
internal import Glibc
package import Wire

/// A UDP socket on a loop: datagrams in by callback, datagrams out at once.
///
/// Receiving takes up to 20 datagrams from the kernel with one system call (`recvmmsg`) into the loop's one buffer.
/// Sending hands the datagram to the kernel within the call; only while the kernel's buffer is full are datagrams
/// copied into a bounded queue, and dropped and counted beyond it, which is what a network does too.
package final class UDPSocket: LoopHandle {
    /// The largest datagram that is received.
    package static let maximumDatagramBytes = 65_536
    /// How many datagrams libuv takes with one system call.
    package static let maximumDatagramsPerRead = 20
    /// How many datagrams wait while the kernel takes none.
    package static let maximumQueuedDatagrams = 256

    /// What became of a datagram.
    package enum SendOutcome: Hashable, Sendable {
        /// The kernel has it.
        case sent
        /// The kernel's buffer is full; the datagram waits in the queue.
        case queued
        /// The queue is full too.
        case dropped
        /// The kernel refuses it: no route, too large, or the socket is closed.
        case refused
    }

    /// Counts since the socket was opened.
    package struct Statistics: Hashable, Sendable {
        package var received = 0
        package var sent = 0
        /// How many of `sent` had to wait.
        package var queued = 0
        /// Sent by us, taken by nobody: the kernel and the queue were full.
        package var dropped = 0
        /// Sent by us, refused by the kernel.
        package var refused = 0
    }

    /// Bytes in the loop's receive buffer, which may be changed (decrypted) in place and are gone after the call;
    /// and the sender, an IPv4-mapped address as plain IPv4.
    package typealias Handler = (_ datagram: UnsafeMutableRawBufferPointer, _ sender: TransportAddress) -> Void

    /// Where the socket is bound, with the port that the kernel chose when 0 was asked for.
    package private(set) var localAddress: TransportAddress
    /// Called for each datagram.
    package var onDatagram: Handler?
    package private(set) var statistics = Statistics()

    private let isV6: Bool
    private var waiting = 0

    /// Binds and starts to receive.
    ///
    /// - Parameters:
    ///   - address: port 0 lets the kernel choose.
    ///   - isDualStack: an IPv6 socket at `::` that takes IPv4 as well; otherwise it takes IPv6 alone.
    ///   - bufferBytes: what the kernel shall buffer each way (SO_RCVBUF, SO_SNDBUF); it may grant less. Nil leaves
    ///     its default.
    package init(
        loop: EventLoop, bind address: TransportAddress, isDualStack: Bool = false, bufferBytes: Int? = nil,
        onDatagram: Handler? = nil
    ) throws(ShardError) {
        localAddress = address
        self.onDatagram = onDatagram
        isV6 = address.ip.isV6
        let raw = loop.raw
        try super.init(loop: loop, type: UV_UDP, label: "UDP socket at \(address)") { memory in
            uv_udp_init_ex(
                raw, memory.assumingMemoryBound(to: uv_udp_t.self), UInt32(AF_UNSPEC) | UV_UDP_RECVMMSG.rawValue)
        }
        do throws(ShardError) {
            try open(address, flags: address.ip.isV6 && !isDualStack ? UV_UDP_IPV6ONLY.rawValue : 0)
        } catch {
            close()
            throw error
        }
        if let bufferBytes { setBuffers(bufferBytes) }
    }

    private var udp: UnsafeMutablePointer<uv_udp_t> { pointer(as: uv_udp_t.self) }

    private func open(_ address: TransportAddress, flags: UInt32) throws(ShardError) {
        let udp = udp
        let bound = SocketAddress(address).withPointer { uv_udp_bind(udp, $0, flags) }
        guard bound == 0 else { throw ShardError(bound, binding: address) }
        if let actual = TransportAddress.reading({ uv_udp_getsockname(udp, $0, $1) }) {
            localAddress = actual
        }
        // SAFETY: the socket object outlives its callbacks, and the loop's buffer outlives both.
        let started = uv_udp_recv_start(
            udp,
            { handle, _, buffer in
                let socket = LoopHandle.owner(of: handle.unsafelyUnwrapped.pointee.data, as: UDPSocket.self)
                let room = socket.loop.receiveBuffer
                buffer.unsafelyUnwrapped.pointee = uv_buf_init(
                    room.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(room.count))
            },
            { handle, count, buffer, sender, flags in
                guard let handle, let buffer, let sender, count >= 0 else { return }
                guard flags & UV_UDP_PARTIAL.rawValue == 0 else { return }
                let socket = LoopHandle.owner(of: handle.pointee.data, as: UDPSocket.self)
                socket.received(
                    UnsafeMutableRawBufferPointer(start: buffer.pointee.base, count: count), from: sender)
            })
        guard started == 0 else { throw ShardError(started, operation: "receive on \(address)") }
    }

    private func setBuffers(_ bytes: Int) {
        // What the kernel grants is its own business; calls work with less, only bursts suffer.
        var receive = Int32(clamping: bytes)
        var send = receive
        uv_recv_buffer_size(pointer(as: uv_handle_t.self), &receive)
        uv_send_buffer_size(pointer(as: uv_handle_t.self), &send)
    }

    private func received(_ datagram: UnsafeMutableRawBufferPointer, from sender: UnsafePointer<sockaddr>) {
        guard let address = TransportAddress(sender) else { return }
        statistics.received += 1
        onDatagram?(datagram, address)
    }

    /// Sends one datagram. The bytes are not needed after the call.
    @discardableResult
    package func send(_ datagram: UnsafeRawBufferPointer, to destination: TransportAddress) -> SendOutcome {
        loop.preconditionCurrent("a UDP socket")
        guard !isClosed, isV6 || !destination.ip.isV6 else {
            statistics.refused += 1
            return .refused
        }
        let address = isV6 ? SocketAddress(mapping: destination) : SocketAddress(destination)
        let udp = udp
        // SAFETY: libuv reads the bytes during the call and does not change them.
        var buffer = Self.buffer(over: datagram)
        let code = address.withPointer { uv_udp_try_send(udp, &buffer, 1, $0) }
        if code >= 0 {
            statistics.sent += 1
            return .sent
        }
        guard code == UV_EAGAIN.rawValue else {
            statistics.refused += 1
            return .refused
        }
        return enqueue(datagram, to: address)
    }

    /// Sends one datagram.
    @discardableResult
    package func send(_ datagram: [UInt8], to destination: TransportAddress) -> SendOutcome {
        datagram.withUnsafeBytes { send($0, to: destination) }
    }

    private func enqueue(_ datagram: UnsafeRawBufferPointer, to address: SocketAddress) -> SendOutcome {
        guard waiting < Self.maximumQueuedDatagrams else {
            statistics.dropped += 1
            return .dropped
        }
        let request = QueuedDatagram(copying: datagram, socket: self)
        let udp = udp
        // SAFETY: the request owns its copy of the bytes, and libuv calls back exactly once, after which it is freed.
        var buffer = Self.buffer(over: UnsafeRawBufferPointer(request.bytes))
        let context = Unmanaged.passRetained(request)
        request.raw.pointee.data = context.toOpaque()
        let code = address.withPointer { address in
            uv_udp_send(request.raw, udp, &buffer, 1, address) { raw, status in
                let data = raw.unsafelyUnwrapped.pointee.data.unsafelyUnwrapped
                let request = Unmanaged<QueuedDatagram>.fromOpaque(data).takeRetainedValue()
                request.socket.finished(status)
            }
        }
        guard code == 0 else {
            context.release()
            statistics.refused += 1
            return .refused
        }
        waiting += 1
        statistics.queued += 1
        return .queued
    }

    private func finished(_ status: Int32) {
        waiting -= 1
        if status == 0 { statistics.sent += 1 } else { statistics.refused += 1 }
    }

    private static func buffer(over bytes: UnsafeRawBufferPointer) -> uv_buf_t {
        let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        return uv_buf_init(base?.assumingMemoryBound(to: CChar.self), UInt32(clamping: bytes.count))
    }

    override func willClose() { onDatagram = nil }
}

/// A datagram that waits until the kernel has room.
private final class QueuedDatagram {
    let raw: UnsafeMutablePointer<uv_udp_send_t>
    let bytes: UnsafeMutableRawBufferPointer
    let socket: UDPSocket

    init(copying datagram: UnsafeRawBufferPointer, socket: UDPSocket) {
        self.socket = socket
        raw = .allocate(capacity: 1)
        raw.initialize(to: uv_udp_send_t())
        bytes = .allocate(byteCount: datagram.count, alignment: 1)
        bytes.copyMemory(from: datagram)
    }

    deinit {
        // SAFETY: libuv has called back, or refused the request.
        raw.deallocate()
        bytes.deallocate()
    }
}
