import PeerConnection
import SecureTransport
import Wire

/// A DTLS client and server joined in memory. Time is moved by hand to whatever deadline comes next.
final class DTLSPair {
    final class End {
        let transport: any DTLSTransport
        var keys: SRTPKeys?
        var isConnected = false
        var isClosed = false
        var failure: String?
        var received: [[UInt8]] = []

        init(_ transport: any DTLSTransport) { self.transport = transport }
    }

    let client: End
    let server: End
    var now = Instant.zero
    /// Every datagram that was sent, in order.
    private(set) var wire: [(fromClient: Bool, bytes: [UInt8])] = []
    /// Decides what becomes of the datagrams of one round: drop, duplicate or reorder as wanted.
    var network: (_ datagrams: [[UInt8]]) -> [[UInt8]] = { $0 }

    init(_ clientFactory: OpenSSLTransportFactory, _ serverFactory: OpenSSLTransportFactory) {
        client = End(clientFactory.makeDTLS())
        server = End(serverFactory.makeDTLS())
    }

    func start(clientExpects: [CertificateFingerprint]? = nil, serverExpects: [CertificateFingerprint]? = nil) {
        server.transport.start(
            role: .server, expecting: serverExpects ?? [client.transport.localFingerprint], now: now)
        client.transport.start(
            role: .client, expecting: clientExpects ?? [server.transport.localFingerprint], now: now)
    }

    /// Carries datagrams both ways until nobody sends any more.
    func pump() {
        while true {
            let up = drain(client, isClient: true)
            let down = drain(server, isClient: false)
            if up.isEmpty, down.isEmpty { return }
            for datagram in network(up) { server.transport.receive(datagram.span.bytes, now: now) }
            for datagram in network(down) { client.transport.receive(datagram.span.bytes, now: now) }
        }
    }

    /// Pumps and fires timers until `isDone`. OpenSSL waits in real time, so this polls, for ten seconds at most.
    func run(until isDone: (DTLSPair) -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(10)
        pump()
        while !isDone(self), ContinuousClock.now < end {
            for side in [client, server] {
                guard let deadline = side.transport.nextDeadline else { continue }
                now = max(now, deadline)
                side.transport.handleTimeout(now: now)
            }
            pump()
        }
        return isDone(self)
    }

    private func drain(_ end: End, isClient: Bool) -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        while let output = end.transport.poll() {
            switch output {
            case .transmit(let bytes):
                datagrams.append(bytes)
                wire.append((isClient, bytes))
            case .connected(let keys):
                end.isConnected = true
                end.keys = keys
            case .received(let bytes): end.received.append(bytes)
            case .closed: end.isClosed = true
            case .failed(let reason): end.failure = reason
            }
        }
        return datagrams
    }
}
