internal import CLibUV
internal import Glibc
package import Wire

/// A UDP socket on a loop: datagrams in by callback, datagrams out at once.
///
/// Receiving takes what has come with one system call (`recvmmsg`) into the loop's one buffer. Sending hands the
/// datagram to the kernel within the call; only while the kernel's buffer is full are datagrams copied into a bounded
/// queue, and dropped and counted beyond it, which is what a network does too.
///
/// The descriptor is polled and not libuv's own kind of handle, which asks the kernel twice for each datagram.
// SAFETY: pointers are passed on during calls only; the handle is that of LoopHandle.
@safe
package final class UDPSocket: LoopHandle {
    /// The largest datagram that is received.
    package static let maximumDatagramBytes = 65_536
    /// How many datagrams are taken with one system call.
    package static let maximumDatagramsPerRead = Int(GATEWAY_BATCH)
    /// How many system calls for that one iteration makes, so that a flood leaves the other sockets their share.
    package static let maximumReadsPerIteration = 4
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
    package typealias Handler = (_ datagram: inout MutableRawSpan, _ sender: TransportAddress) -> Void

    /// Where the socket is bound, with the port that the kernel chose when 0 was asked for.
    package private(set) var localAddress: TransportAddress
    /// Called for each datagram.
    package var onDatagram: Handler?
    package private(set) var statistics = Statistics()

    private let isV6: Bool
    private let descriptor: Int32
    /// How many datagrams the next read asks for: twice what the last one found.
    private var expected = 1
    /// Datagrams that the kernel did not take, the oldest first.
    private var waiting: [(bytes: [UInt8], address: SocketAddress)] = []

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
    ) throws(EventLoopError) {
        let descriptor = try Self.open(address, isDualStack: isDualStack, bufferBytes: bufferBytes)
        self.descriptor = descriptor
        self.onDatagram = onDatagram
        isV6 = address.ip.isV6
        // SAFETY: what the pointers point to is used during the call only.
        localAddress =
            unsafe TransportAddress.reading { pointer, length in
                var size = unsafe socklen_t(length.pointee)
                return unsafe getsockname(descriptor, pointer, &size)
            } ?? address
        let raw = unsafe loop.raw
        do throws(EventLoopError) {
            try unsafe super.init(loop: loop, type: UV_POLL, label: "UDP socket at \(address)") { memory in
                unsafe uv_poll_init(raw, memory.assumingMemoryBound(to: uv_poll_t.self), descriptor)
            }
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
        poll(forRoom: false)
    }

    private static func open(
        _ address: TransportAddress, isDualStack: Bool, bufferBytes: Int?
    ) throws(EventLoopError) -> Int32 {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.ip.isV6 ? AF_INET6 : AF_INET, type, 0)
        guard descriptor >= 0 else { throw EventLoopError(-errno, operation: "open a UDP socket") }
        func set(_ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
            var value = value
            // SAFETY: what the pointers point to is used during the call only; a batch lies in memory of the loop.
            return unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
        }
        let socketAddress = SocketAddress(address)
        guard !address.ip.isV6 || set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, isDualStack ? 0 : 1),
            unsafe socketAddress.withPointer({ unsafe bind(descriptor, $0, socketAddress.length) }) == 0
        else {
            let error = EventLoopError(-errno, binding: address)
            _ = Glibc.close(descriptor)
            throw error
        }
        if let bufferBytes {
            // What the kernel grants is its own business; calls work with less, only bursts suffer.
            _ = set(SOL_SOCKET, SO_RCVBUF, Int32(clamping: bufferBytes))
            _ = set(SOL_SOCKET, SO_SNDBUF, Int32(clamping: bufferBytes))
        }
        return descriptor
    }

    /// Asks for word of datagrams, and of room to send as well.
    private func poll(forRoom: Bool) {
        let events = Int32(UV_READABLE.rawValue) | (forRoom ? Int32(UV_WRITABLE.rawValue) : 0)
        // SAFETY: the owner outlives its callbacks.
        unsafe uv_poll_start(pointer(as: uv_poll_t.self), events) { handle, status, events in
            guard let handle = unsafe handle else { return }
            let socket = unsafe LoopHandle.owner(of: handle.pointee.data, as: UDPSocket.self)
            if events & Int32(UV_WRITABLE.rawValue) != 0 { socket.sendWaiting() }
            // An error of the socket, too, is taken from it by reading.
            if status < 0 || events & Int32(UV_READABLE.rawValue) != 0 { socket.readPending() }
        }
    }

    // MARK: Receiving

    private func readPending() {
        // SAFETY: what the pointers point to is used during the call only; a batch lies in memory of the loop.
        let batch = unsafe loop.received.batch
        for _ in 0..<Self.maximumReadsPerIteration {
            guard !isClosed else { return }
            let limit = min(expected, Self.maximumDatagramsPerRead)
            let count = unsafe Int(gateway_receive_batch(descriptor, batch, Int32(limit)))
            guard count > 0 else { return }
            expected = min(2 * count, Self.maximumDatagramsPerRead)
            for index in 0..<Int32(count) {
                // The handler may close the socket.
                guard !isClosed else { return }
                let length = unsafe Int(gateway_datagram_length(batch, index))
                guard length >= 0 else { continue }
                // SAFETY: the kernel has just filled so many bytes of the loop's buffer, which nobody else uses.
                let buffer = unsafe UnsafeMutableRawBufferPointer(start: gateway_datagram(batch, index), count: length)
                var datagram = unsafe buffer.mutableBytes
                unsafe received(&datagram, from: gateway_datagram_sender(batch, index))
            }
            // Fewer than asked for: nothing is left. What is left after the last read makes the descriptor readable again.
            if count < limit { return }
        }
    }

    private func received(_ datagram: inout MutableRawSpan, from sender: UnsafePointer<sockaddr>) {
        // SAFETY: the address lies in memory of the loop, and is read during the call only.
        guard let address = unsafe TransportAddress(sender) else { return }
        statistics.received += 1
        onDatagram?(&datagram, address)
    }

    // MARK: Sending

    /// Sends one datagram. The bytes are not needed after the call.
    @discardableResult
    package func send(_ datagram: RawSpan, to destination: TransportAddress) -> SendOutcome {
        loop.preconditionCurrent("a UDP socket")
        guard !isClosed, isV6 || !destination.ip.isV6 else {
            statistics.refused += 1
            return .refused
        }
        let address = isV6 ? SocketAddress(mapping: destination) : SocketAddress(destination)
        // Behind those that wait, so that the order stays.
        let code = waiting.isEmpty ? hand(datagram, to: address) : -EAGAIN
        switch code {
        case 0:
            statistics.sent += 1
            return .sent
        case -EAGAIN, -ENOBUFS:
            guard waiting.count < Self.maximumQueuedDatagrams else {
                statistics.dropped += 1
                return .dropped
            }
            if waiting.isEmpty { poll(forRoom: true) }
            waiting.append(([UInt8](copying: datagram), address))
            statistics.queued += 1
            return .queued
        default:
            statistics.refused += 1
            return .refused
        }
    }

    /// Sends one datagram.
    @discardableResult
    package func send(_ datagram: [UInt8], to destination: TransportAddress) -> SendOutcome {
        send(datagram.span.bytes, to: destination)
    }

    /// Gives a datagram to the kernel: 0, or a negative errno.
    private func hand(_ datagram: RawSpan, to address: SocketAddress) -> Int32 {
        // SAFETY: the kernel copies the bytes and the address during the call.
        unsafe datagram.withUnsafeBytes { bytes in
            unsafe address.withPointer {
                unsafe gateway_send(descriptor, bytes.baseAddress, bytes.count, $0, address.length)
            }
        }
    }

    private func sendWaiting() {
        var sent = 0
        for (bytes, address) in waiting {
            let code = hand(bytes.span.bytes, to: address)
            if code == -EAGAIN || code == -ENOBUFS { break }
            if code == 0 { statistics.sent += 1 } else { statistics.refused += 1 }
            sent += 1
        }
        waiting.removeFirst(sent)
        if waiting.isEmpty { poll(forRoom: false) }
    }

    override func willClose() {
        onDatagram = nil
        waiting = []
    }

    override func didClose() { _ = Glibc.close(descriptor) }
}
