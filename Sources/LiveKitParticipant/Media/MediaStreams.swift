internal import ByteStreams
internal import EventLoops
internal import PeerConnection
internal import Wire

/// Takes what happens on the connections of a `MediaStreams`.
protocol MediaStreamsOwner: AnyObject {
    func streamOpened(from base: TransportAddress, to remote: TransportAddress)
    func streamClosed(from base: TransportAddress, to remote: TransportAddress, reason: String)
    /// The bytes may be changed in place and are gone after the call.
    func receive(_ datagram: inout MutableRawSpan, from remote: TransportAddress, on base: TransportAddress)
}

/// The TCP connections over which a peer connection reaches its peer (ICE over TCP, RFC 6544).
final class MediaStreams {
    /// How long a connection may take to open.
    static let connectTimeout = Duration.seconds(10)

    private struct Key: Hashable {
        let base: TransportAddress
        let remote: TransportAddress
    }

    weak var owner: (any MediaStreamsOwner)?
    private let loop: EventLoop
    private var opening: [Key: TCPConnection] = [:]
    private var streams: [Key: DatagramStream] = [:]

    init(loop: EventLoop) { self.loop = loop }

    /// Opens a connection; the owner is told of it, later.
    func open(from base: TransportAddress, to remote: TransportAddress) {
        let key = Key(base: base, remote: remote)
        guard opening[key] == nil, streams[key] == nil else { return }
        let connection: TCPConnection
        do throws(EventLoopError) {
            connection = try TCPConnection(loop: loop)
        } catch {
            owner?.streamClosed(from: base, to: remote, reason: "\(error)")
            return
        }
        opening[key] = connection
        connection.connect(to: remote, timeout: Self.connectTimeout) { [weak self] result in
            guard let self, opening.removeValue(forKey: key) === connection else { return connection.close() }
            switch result {
            case .success: opened(connection, key)
            case .failure(let error): owner?.streamClosed(from: base, to: remote, reason: "\(error)")
            }
        }
    }

    private func opened(_ connection: TCPConnection, _ key: Key) {
        let stream = DatagramStream(ByteStream(connection), framing: .lengthPrefixed)
        // What arrives may end the participant, and this object with it: hold it for the whole call.
        stream.onDatagram = { [weak self] datagram in
            self?.owner?.receive(&datagram, from: key.remote, on: key.base)
        }
        stream.onEnd = { [weak self] reason in
            guard let self else { return }
            close(from: key.base, to: key.remote)
            owner?.streamClosed(from: key.base, to: key.remote, reason: reason)
        }
        streams[key] = stream
        owner?.streamOpened(from: key.base, to: key.remote)
    }

    func send(_ datagram: RawSpan, from base: TransportAddress, to remote: TransportAddress) {
        streams[Key(base: base, remote: remote)]?.send(datagram)
    }

    func close(from base: TransportAddress, to remote: TransportAddress) {
        let key = Key(base: base, remote: remote)
        opening.removeValue(forKey: key)?.close()
        streams.removeValue(forKey: key)?.close()
    }

    func closeAll() {
        for connection in opening.values { connection.close() }
        for stream in streams.values { stream.close() }
        opening = [:]
        streams = [:]
    }
}
