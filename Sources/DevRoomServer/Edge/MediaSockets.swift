internal import EventLoops
internal import PeerConnection
internal import Wire

/// Takes the datagrams of one peer connection.
protocol DatagramReceiver: AnyObject {
    /// The bytes may be changed in place and are gone after the call.
    func receive(_ datagram: inout MutableRawSpan, from source: TransportAddress, on base: TransportAddress)
}

/// The UDP and TCP sockets of the server for media, one of each for each of its addresses, shared by all peer connections.
/// A peer's first datagram is a STUN check that carries our ICE user name fragment; what follows from that address belongs
/// to the same peer connection.
final class MediaSockets {
    /// Addresses that are remembered; beyond it new ones are not served.
    static let maximumAddresses = 65_536
    /// What the kernel is asked to buffer.
    static let bufferBytes = 1 << 20

    private struct Route: Hashable {
        let source: TransportAddress
        let base: TransportAddress
    }

    private var sockets: [TransportAddress: UDPSocket] = [:]
    /// Where UDP is taken.
    private(set) var bases: [TransportAddress] = []
    private var listeners: MediaListeners?
    private var receiversByFragment: [String: any DatagramReceiver] = [:]
    private var receiversByRoute: [Route: any DatagramReceiver] = [:]

    /// Binds one UDP socket for each address.
    /// - Parameters:
    ///   - port: the same for all; 0 lets the kernel choose one for each; nil leaves UDP out.
    init(loop: EventLoop, addresses: [IPAddress], port: UInt16?) throws(EventLoopError) {
        guard let port else { return }
        do throws(EventLoopError) {
            for ip in addresses {
                let socket = try UDPSocket(
                    loop: loop, bind: TransportAddress(ip: ip, port: port), bufferBytes: Self.bufferBytes)
                let base = socket.localAddress
                sockets[base] = socket
                bases.append(base)
                socket.onDatagram = { [unowned self] datagram, source in
                    received(&datagram, from: source, on: base)
                }
            }
        } catch {
            close()
            throw error
        }
    }

    /// Takes TCP connections as well.
    func listen(_ listeners: MediaListeners) {
        self.listeners = listeners
        listeners.onDatagram = { [unowned self] datagram, source, base in
            received(&datagram, from: source, on: base)
        }
    }

    /// Where TCP connections are taken.
    var streamBases: [TransportAddress] { listeners?.bases ?? [] }

    func close() {
        listeners?.close()
        for socket in sockets.values { socket.close() }
        sockets = [:]
        receiversByFragment = [:]
        receiversByRoute = [:]
    }

    /// Directs checks with this fragment to the receiver. A connection has a second one after an ICE restart.
    func register(_ receiver: any DatagramReceiver, fragment: String) { receiversByFragment[fragment] = receiver }

    func unregister(_ receiver: any DatagramReceiver) {
        receiversByFragment = receiversByFragment.filter { $0.value !== receiver }
        for (route, owner) in receiversByRoute where owner === receiver {
            listeners?.close(from: route.source, on: route.base)
        }
        receiversByRoute = receiversByRoute.filter { $0.value !== receiver }
    }

    func send(_ datagram: RawSpan, from base: TransportAddress, to destination: TransportAddress) {
        if listeners?.send(datagram, from: base, to: destination) == true { return }
        sockets[base]?.send(datagram, to: destination)
    }

    private func received(
        _ datagram: inout MutableRawSpan, from source: TransportAddress, on base: TransportAddress
    ) {
        let route = Route(source: source, base: base)
        if PacketKind.classify(datagram.bytes) == .stun,
            let fragment = STUNMessage.localUfragment(of: datagram.bytes),
            let receiver = receiversByFragment[fragment]
        {
            if receiversByRoute[route] !== receiver, receiversByRoute.count < Self.maximumAddresses {
                receiversByRoute[route] = receiver
            }
            return receiver.receive(&datagram, from: source, on: base)
        }
        receiversByRoute[route]?.receive(&datagram, from: source, on: base)
    }
}
