import TestSupport
import Testing
import Wire

@testable import PeerConnection

@Suite("Transport security")
struct TransportSecurityTests {
    /// One end; what it puts out beside datagrams is kept.
    private final class End {
        let transport: TransportSecurity
        let address: TransportAddress
        var outbox: [[UInt8]] = []
        var received: [[UInt8]] = []
        var isConnected = false
        var failure: String?

        init(_ name: UInt8) {
            let factory = NullTransportFactory(name: name)
            address = TransportAddress(ip: .v4(0xC000_0200 | UInt32(name)), port: 1000)
            transport = TransportSecurity(
                ice: ICEAgent(
                    configuration: ICEConfiguration(), authentication: TestAuthentication.plain,
                    random: SplitMix64(seed: UInt64(name))),
                dtls: factory.makeDTLS(), factory: factory, preferredRole: .client)
            _ = transport.addLocalCandidate(address)
        }

        func drain(now: Instant) {
            while let output = transport.poll(now: now) {
                switch output {
                case .transmit(let bytes, _, _): outbox.append(bytes)
                case .connected(let protectsMedia): isConnected = protectsMedia
                case .openStream, .closeStream, .relayWanted: break
                case .received(let bytes): received.append(bytes)
                case .closedByPeer: failure = "closed"
                case .failed(let reason): failure = reason
                }
            }
        }

        func take(_ datagram: [UInt8], from source: TransportAddress, now: Instant) -> ReceivedDatagram {
            var datagram = datagram
            defer { drain(now: now) }
            return datagram.withMutableBytes { transport.receive(&$0, from: source, on: address, now: now) }
        }

        func remote(setup: DTLSSetup?, fingerprint: CertificateFingerprint? = nil) throws -> RemoteTransport {
            let local = transport.local
            return RemoteTransport(
                credentials: local.credentials, fingerprints: [fingerprint ?? local.fingerprint], setup: setup,
                isLite: false, candidates: local.candidates.compactMap { ICECandidate(trickled: $0) })
        }
    }

    private func connect(_ left: End, _ right: End, forged: CertificateFingerprint? = nil) throws -> Instant {
        var now = Instant.zero
        try right.transport.accept(try left.remote(setup: .activeOrPassive), isOffer: true, isFirst: true)
        try left.transport.accept(
            try right.remote(setup: .active, fingerprint: forged), isOffer: false, isFirst: true)
        for end in [left, right] { end.transport.start(now: now) }
        for _ in 0..<40 {
            for (from, to) in [(left, right), (right, left)] {
                from.transport.handleTimeout(now: now)
                from.drain(now: now)
                let datagrams = from.outbox
                from.outbox = []
                for datagram in datagrams { _ = to.take(datagram, from: from.address, now: now) }
            }
            now = now + .milliseconds(50)
        }
        return now
    }

    @Test("two ends find a path, agree upon keys, and carry messages")
    func connects() throws {
        let (left, right) = (End(1), End(2))
        let now = try connect(left, right)
        #expect(left.isConnected && right.isConnected)
        #expect(left.transport.state == .connected)
        #expect(left.transport.role == .server && right.transport.role == .client)
        #expect(left.transport.path?.destination == right.address)
        left.transport.send([1, 2, 3])
        left.drain(now: now)
        for datagram in left.outbox { _ = right.take(datagram, from: left.address, now: now) }
        #expect(right.received == [[1, 2, 3]])
    }

    @Test("sound is protected on one end and readable on the other, once")
    func protects() throws {
        let (left, right) = (End(1), End(2))
        let now = try connect(left, right)
        let packet: [UInt8] = [0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 42]
        var datagram = packet + [UInt8](repeating: 0, count: srtpOverhead)
        let length = datagram.withMutableBytes { left.transport.protectRTP(&$0, length: packet.count) }
        datagram.removeSubrange(try #require(length)...)
        #expect(right.take(datagram, from: left.address, now: now) == .rtp(length: packet.count))
        #expect(right.take(datagram, from: left.address, now: now) == .rejected)
    }

    @Test("a datagram of no kind that is spoken here is told apart, however short")
    func unknown() {
        let end = End(1)
        #expect(end.take([], from: end.address, now: .zero) == .unknown)
        #expect(end.take([128], from: end.address, now: .zero) == .unknown)
        #expect(end.take([64, 0, 0], from: end.address, now: .zero) == .unknown)
        #expect(end.take([0x80, 111, 0], from: end.address, now: .zero) == .rejected)
    }

    @Test("another certificate than the description's fails the transport")
    func forgedCertificate() throws {
        let (left, right) = (End(1), End(2))
        let forged = CertificateFingerprint(algorithm: "sha-256", digest: [UInt8](repeating: 9, count: 32))
        _ = try connect(left, right, forged: forged)
        #expect(left.failure != nil)
        #expect(left.transport.state == .failed)
        #expect(!left.transport.canSendMedia)
    }

    @Test("a description with another certificate is refused during a connection, and changes nothing")
    func changedCertificate() throws {
        let (left, right) = (End(1), End(2))
        _ = try connect(left, right)
        let other = CertificateFingerprint(algorithm: "sha-256", digest: [UInt8](repeating: 9, count: 32))
        #expect(throws: NegotiationError.fingerprintChanged) {
            try left.transport.accept(
                try right.remote(setup: .active, fingerprint: other), isOffer: false, isFirst: false)
        }
        #expect(left.transport.state == .connected)
    }

    @Test("an answer that does not choose a DTLS role is refused")
    func undecidedRole() throws {
        let (left, right) = (End(1), End(2))
        #expect(throws: NegotiationError.missingTransport) {
            try left.transport.accept(try right.remote(setup: .activeOrPassive), isOffer: false, isFirst: true)
        }
        #expect(left.transport.role == nil)
    }
}
