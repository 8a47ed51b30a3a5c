internal import ByteStreams
internal import EventLoops
internal import PeerConnection
internal import Wire

/// The TCP sockets at which clients reach the server's media where UDP does not pass (ICE over TCP, RFC 6544), and the
/// connections that were opened to them.
final class MediaListeners {
    /// Connections at a time; beyond it new ones are closed at once.
    static let maximumStreams = 4096

    private struct Key: Hashable {
        let source: TransportAddress
        let base: TransportAddress
    }

    /// Takes each datagram that comes.
    var onDatagram: ((inout MutableRawSpan, _ source: TransportAddress, _ base: TransportAddress) -> Void)?
    private(set) var bases: [TransportAddress] = []
    private let loop: EventLoop
    private var listeners: [TCPListener] = []
    private var streams: [Key: DatagramStream] = [:]

    /// Listens at each address.
    /// - Parameters:
    ///   - port: the same for all; 0 lets the kernel choose one for each.
    ///   - taken: addresses over UDP, from which those here must differ: ICE tells paths apart by them.
    init(
        loop: EventLoop, addresses: [IPAddress], port: UInt16, besides taken: [TransportAddress]
    ) throws(EventLoopError) {
        self.loop = loop
        do throws(EventLoopError) {
            for ip in addresses { try listen(at: TransportAddress(ip: ip, port: port), besides: taken) }
        } catch {
            close()
            throw error
        }
    }

    private func listen(at address: TransportAddress, besides taken: [TransportAddress]) throws(EventLoopError) {
        var base = address
        let listener = try TCPListener(loop: loop, bind: address, isShared: false) { [weak self] descriptor in
            self?.accepted(descriptor, on: base)
        }
        base = listener.localAddress
        guard !taken.contains(base) else {
            defer { listener.close() }
            return try listen(at: TransportAddress(ip: address.ip, port: 0), besides: taken)
        }
        listeners.append(listener)
        bases.append(base)
    }

    private func accepted(_ descriptor: Int32, on base: TransportAddress) {
        guard
            let connection = try? TCPConnection(
                loop: loop, adopting: descriptor, onBytes: { _ in }, onEnd: { _ in })
        else { return }
        guard let source = connection.remoteAddress, streams.count < Self.maximumStreams else {
            return connection.close()
        }
        let key = Key(source: source, base: base)
        let stream = DatagramStream(ByteStream(connection), framing: .lengthPrefixed)
        stream.onDatagram = { [weak self] datagram in self?.onDatagram?(&datagram, source, base) }
        stream.onEnd = { [weak self] _ in self?.close(from: source, on: base) }
        streams[key] = stream
    }

    /// Whether there was such a connection.
    func send(_ datagram: RawSpan, from base: TransportAddress, to destination: TransportAddress) -> Bool {
        guard let stream = streams[Key(source: destination, base: base)] else { return false }
        stream.send(datagram)
        return true
    }

    func close(from source: TransportAddress, on base: TransportAddress) {
        streams.removeValue(forKey: Key(source: source, base: base))?.close()
    }

    func close() {
        onDatagram = nil
        for listener in listeners { listener.close() }
        for stream in streams.values { stream.close() }
        listeners = []
        streams = [:]
    }
}
