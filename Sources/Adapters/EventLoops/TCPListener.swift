internal import CLibUV
internal import Glibc
package import Wire

/// Accepts TCP connections and hands their descriptors on, for a library that does its own reading.
///
/// Several loops can listen at one address (`isShared`): the kernel then spreads new connections over them. When the
/// process runs out of descriptors, newcomers are refused at once instead of waiting for nothing; the last descriptors are
/// kept for those who are there, whose calls need more of them.
package final class TCPListener: LoopHandle {
    /// How many connections one iteration takes, so that a rush does not hold up calls.
    package static let maximumAcceptsPerIteration = 16
    /// How long the listener waits when the system is short of memory.
    package static let pauseWhenExhausted: Duration = .milliseconds(100)

    /// Where the listener is bound, with the port that the kernel chose when 0 was asked for.
    package let localAddress: TransportAddress
    /// What a connection is told that is refused because descriptors run out, before it is closed; may be empty.
    package var refusal: [UInt8] = []
    /// A connection was refused for that reason.
    package var onRefused: (() -> Void)?

    private let descriptor: Int32
    /// How many connections one iteration takes.
    private let maximumAccepts: Int
    private var onAccept: ((Int32) -> Void)?
    /// The socket that others take connections from, too; its path goes when nobody holds it.
    private var shared: ListeningSocket?
    private var pause: LoopTimer?

    /// - Parameters:
    ///   - address: port 0 lets the kernel choose; `::` takes IPv4 as well.
    ///   - isShared: other listeners may be bound to the same address (SO_REUSEPORT). Call `probe` first, or a port
    ///     that another process shares goes unnoticed.
    ///   - onAccept: gets a descriptor that does not block; whoever gets it closes it.
    package convenience init(
        loop: EventLoop, bind address: TransportAddress, isShared: Bool, onAccept: @escaping (Int32) -> Void
    ) throws(EventLoopError) {
        let descriptor = try Self.open(address, isShared: isShared)
        try self.init(
            loop: loop, descriptor: descriptor, address: Self.address(of: descriptor) ?? address,
            maximumAccepts: Self.maximumAcceptsPerIteration, onAccept: onAccept)
    }

    /// Takes connections from a socket from which other loops take them, too.
    ///
    /// - Parameter onAccept: gets a descriptor that does not block; whoever gets it closes it.
    package convenience init(
        loop: EventLoop, sharing socket: ListeningSocket, onAccept: @escaping (Int32) -> Void
    ) throws(EventLoopError) {
        let copy = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw EventLoopError(-errno, operation: "share a listening socket") }
        // One at a time, so that each loop gets its share.
        try self.init(
            loop: loop, descriptor: copy, address: socket.address ?? TransportAddress(ip: .loopbackV4, port: 0),
            maximumAccepts: 1, onAccept: onAccept)
        shared = socket
    }

    // SAFETY: what the pointers point to is used during the call only.
    private static func address(of descriptor: Int32) -> TransportAddress? {
        unsafe TransportAddress.reading { pointer, length in
            var size = unsafe socklen_t(length.pointee)
            return unsafe getsockname(descriptor, pointer, &size)
        }
    }

    /// - Parameter descriptor: ours from now on, whatever happens.
    private init(
        loop: EventLoop, descriptor: Int32, address: TransportAddress, maximumAccepts: Int,
        onAccept: @escaping (Int32) -> Void
    ) throws(EventLoopError) {
        self.descriptor = descriptor
        self.maximumAccepts = maximumAccepts
        self.onAccept = onAccept
        localAddress = address
        // Before descriptors run out.
        _ = ConnectionAcceptor.shared
        let raw = unsafe loop.raw
        do throws(EventLoopError) {
            try unsafe super.init(loop: loop, type: UV_POLL, label: "TCP listener at \(address)") { memory in
                unsafe uv_poll_init(raw, memory.assumingMemoryBound(to: uv_poll_t.self), descriptor)
            }
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
        pause = LoopTimer(loop: loop) { [unowned self] in startPolling() }
        startPolling()
    }

    /// Throws when the address cannot be bound by one process alone.
    package static func probe(_ address: TransportAddress) throws(EventLoopError) {
        _ = Glibc.close(try open(address, isShared: false))
    }

    private static func open(_ address: TransportAddress, isShared: Bool) throws(EventLoopError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.ip.isV6 ? AF_INET6 : AF_INET, type, 0)
        guard descriptor >= 0 else { throw EventLoopError(-errno, operation: "open a listening socket") }
        func enable(_ level: Int32, _ option: Int32, _ value: Int32 = 1) -> Bool {
            var value = value
            // SAFETY: what the pointers point to is used during the call only.
            return unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
        }
        let isReady =
            enable(SOL_SOCKET, SO_REUSEADDR)
            && (!isShared || enable(SOL_SOCKET, SO_REUSEPORT))
            && (!address.ip.isV6 || enable(Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.ip == .anyV6 ? 0 : 1))
        let socketAddress = SocketAddress(address)
        guard isReady, unsafe socketAddress.withPointer({ unsafe bind(descriptor, $0, socketAddress.length) }) == 0,
            listen(descriptor, SOMAXCONN) == 0
        else {
            let error = EventLoopError(-errno, binding: address)
            _ = Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    private func startPolling() {
        guard !isClosed else { return }
        // SAFETY: the owner outlives its callbacks.
        unsafe uv_poll_start(pointer(as: uv_poll_t.self), Int32(UV_READABLE.rawValue)) { handle, _, _ in
            guard let handle = unsafe handle else { return }
            unsafe LoopHandle.owner(of: handle.pointee.data, as: TCPListener.self).acceptPending()
        }
    }

    private func acceptPending() {
        for _ in 0..<maximumAccepts {
            guard let onAccept else { return }
            switch ConnectionAcceptor.shared.accept(from: descriptor, refusingWith: refusal) {
            case .accepted(let accepted): onAccept(accepted)
            case .refused: onRefused?()
            case .gone: continue
            case .nobody: return
            case .exhausted: return pausePolling()
            }
        }
    }

    /// Closes a connection that was just accepted, and tells the client why as far as that is possible without waiting.
    // SAFETY: the words are read during the call only.
    package static func refuse(_ accepted: Int32, _ words: [UInt8]) {
        unsafe gateway_refuse(accepted, words, words.count)
    }

    private func pausePolling() {
        // SAFETY: what the pointers point to is used during the call only.
        unsafe uv_poll_stop(pointer(as: uv_poll_t.self))
        pause?.arm(after: Self.pauseWhenExhausted)
    }

    override func willClose() {
        onAccept = nil
        onRefused = nil
        pause?.cancel()
        pause = nil
    }

    override func didClose() {
        _ = Glibc.close(descriptor)
        shared = nil
    }
}
