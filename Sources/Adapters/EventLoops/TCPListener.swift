internal import CLibUV
internal import Glibc
package import Wire

/// Accepts TCP connections and hands their descriptors on, for a library that does its own reading.
///
/// Several loops can listen at one address (`isShared`): the kernel then spreads new connections over them. Running
/// out of descriptors does not make the loop spin: the connection that could not be taken is told so by being closed.
package final class TCPListener: LoopHandle {
    /// How many connections one turn takes, so that a rush does not hold up calls.
    package static let maximumAcceptsPerTurn = 64
    /// How long the listener rests when the system is short of memory or descriptors.
    package static let pauseWhenExhausted: Duration = .milliseconds(100)

    /// Where the listener is bound, with the port that the kernel chose when 0 was asked for.
    package let localAddress: TransportAddress
    /// Connections that were closed at once because no descriptor was left.
    package private(set) var rejected = 0

    private let descriptor: Int32
    private var onAccept: ((Int32) -> Void)?
    /// Given up for a moment when no descriptor is left, so that a connection can be taken in order to close it.
    private var spare: Int32
    private var pause: LoopTimer?

    /// - Parameters:
    ///   - address: port 0 lets the kernel choose; `::` takes IPv4 as well.
    ///   - isShared: other listeners may be bound to the same address (SO_REUSEPORT). Call `probe` first, or a port
    ///     that another process shares goes unnoticed.
    ///   - onAccept: gets a descriptor that does not block; whoever gets it closes it.
    package init(
        loop: EventLoop, bind address: TransportAddress, isShared: Bool, onAccept: @escaping (Int32) -> Void
    ) throws(EventLoopError) {
        let descriptor = try Self.open(address, isShared: isShared)
        self.descriptor = descriptor
        self.onAccept = onAccept
        localAddress =
            TransportAddress.reading { pointer, length in
                var size = socklen_t(length.pointee)
                return getsockname(descriptor, pointer, &size)
            } ?? address
        spare = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        let raw = loop.raw
        do throws(EventLoopError) {
            try super.init(loop: loop, type: UV_POLL, label: "TCP listener at \(address)") { memory in
                uv_poll_init(raw, memory.assumingMemoryBound(to: uv_poll_t.self), descriptor)
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
            return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
        }
        let isReady =
            enable(SOL_SOCKET, SO_REUSEADDR)
            && (!isShared || enable(SOL_SOCKET, SO_REUSEPORT))
            && (!address.ip.isV6 || enable(Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.ip == .anyV6 ? 0 : 1))
        let socketAddress = SocketAddress(address)
        guard isReady, socketAddress.withPointer({ bind(descriptor, $0, socketAddress.length) }) == 0,
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
        uv_poll_start(pointer(as: uv_poll_t.self), Int32(UV_READABLE.rawValue)) { handle, _, _ in
            guard let handle else { return }
            LoopHandle.owner(of: handle.pointee.data, as: TCPListener.self).acceptPending()
        }
    }

    private func acceptPending() {
        for _ in 0..<Self.maximumAcceptsPerTurn {
            guard let onAccept else { return }
            let accepted = gateway_accept(descriptor)
            if accepted >= 0 {
                onAccept(accepted)
                continue
            }
            switch errno {
            case EAGAIN: return
            case EINTR, ECONNABORTED, EPROTO: continue
            case EMFILE, ENFILE:
                guard rejectOne() else { return rest() }
            default: return rest()
            }
        }
    }

    /// Takes a connection with the spare descriptor and closes it.
    private func rejectOne() -> Bool {
        guard spare >= 0 else { return false }
        _ = Glibc.close(spare)
        let accepted = gateway_accept(descriptor)
        if accepted >= 0 {
            rejected += 1
            _ = Glibc.close(accepted)
        }
        spare = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        return accepted >= 0
    }

    private func rest() {
        uv_poll_stop(pointer(as: uv_poll_t.self))
        if spare < 0 { spare = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) }
        pause?.arm(after: Self.pauseWhenExhausted)
    }

    override func willClose() {
        onAccept = nil
        pause?.cancel()
        pause = nil
    }

    override func didClose() {
        _ = Glibc.close(descriptor)
        if spare >= 0 { _ = Glibc.close(spare) }
        spare = -1
    }
}
