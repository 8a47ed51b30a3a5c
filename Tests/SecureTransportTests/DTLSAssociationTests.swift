import PeerConnection
import SecureTransport
import Testing
import Wire

@Suite("DTLS association")
struct DTLSAssociationTests {
    let factory: OpenSSLTransportFactory
    let other: OpenSSLTransportFactory

    init() throws {
        factory = try OpenSSLTransportFactory(initialRetransmission: .milliseconds(20))
        other = try OpenSSLTransportFactory(initialRetransmission: .milliseconds(20))
    }

    @Test("both ends finish the handshake with mirrored keys of the preferred profile")
    func handshake() throws {
        let pair = DTLSPair(factory, other)
        pair.start()
        pair.pump()
        let ours = try #require(pair.client.keys)
        let theirs = try #require(pair.server.keys)
        #expect(ours.profile == .aeadAES128GCM)
        #expect(theirs.profile == .aeadAES128GCM)
        #expect(ours.localKey == theirs.remoteKey && ours.localSalt == theirs.remoteSalt)
        #expect(ours.remoteKey == theirs.localKey && ours.remoteSalt == theirs.localSalt)
        #expect(ours.localKey != ours.remoteKey)
        #expect(pair.client.transport.nextDeadline == nil)
        #expect(pair.server.transport.nextDeadline == nil)
    }

    @Test("an end that knows only the AES-CM profile gets it")
    func fallbackProfile() throws {
        let pair = DTLSPair(factory, try OpenSSLTransportFactory(profiles: [.aes128CMHMACSHA1_80]))
        pair.start()
        pair.pump()
        let keys = try #require(pair.client.keys)
        #expect(keys.profile == .aes128CMHMACSHA1_80)
        #expect(keys.localSalt.count == 14)
    }

    @Test("handshake datagrams stay within the MTU")
    func datagramSize() {
        let pair = DTLSPair(factory, other)
        pair.start()
        pair.pump()
        #expect(pair.wire.allSatisfy { $0.bytes.count <= DTLSAssociation.maximumTransmissionUnit })
        #expect(pair.wire.count >= 4)
    }

    @Test("a lost datagram is sent again", arguments: 0..<5)
    func loss(index: Int) {
        let pair = DTLSPair(factory, other)
        var seen = 0
        pair.network = { datagrams in
            datagrams.filter { _ in
                defer { seen += 1 }
                return seen != index
            }
        }
        pair.start()
        #expect(pair.run { $0.client.isConnected && $0.server.isConnected })
    }

    @Test("reordered and doubled datagrams do no harm")
    func reordering() {
        let pair = DTLSPair(factory, other)
        pair.network = { $0.reversed() + $0 }
        pair.start()
        #expect(pair.run { $0.client.isConnected && $0.server.isConnected })
    }

    @Test("a first flight that comes before the server's start is kept")
    func earlyDatagram() {
        let pair = DTLSPair(factory, other)
        pair.client.transport.start(role: .client, expecting: [other.localFingerprint], now: .zero)
        pair.pump()
        pair.server.transport.start(role: .server, expecting: [factory.localFingerprint], now: .zero)
        #expect(pair.run { $0.client.isConnected && $0.server.isConnected })
    }

    @Test("application datagrams keep their borders and order")
    func applicationData() {
        let pair = DTLSPair(factory, other)
        pair.start()
        pair.pump()
        pair.client.transport.send([1, 2, 3])
        pair.client.transport.send([UInt8](repeating: 7, count: 1150))
        pair.server.transport.send([9])
        pair.pump()
        #expect(pair.server.received == [[1, 2, 3], [UInt8](repeating: 7, count: 1150)])
        #expect(pair.client.received == [[9]])
    }

    @Test("application data before the handshake is dropped")
    func prematureData() {
        let pair = DTLSPair(factory, other)
        pair.client.transport.send([1])
        pair.start()
        pair.pump()
        #expect(pair.server.received.isEmpty)
        #expect(pair.server.isConnected)
    }

    @Test("a client refuses a server whose certificate is not the one in the SDP, and says so")
    func wrongServer() throws {
        let pair = DTLSPair(factory, other)
        pair.start(clientExpects: [factory.localFingerprint])
        pair.pump()
        let failure = try #require(pair.client.failure)
        #expect(failure.contains("does not match the fingerprint"))
        #expect(pair.server.failure != nil)
        #expect(!pair.client.isConnected && !pair.server.isConnected)
    }

    @Test("a server refuses a client whose certificate is not the one in the SDP")
    func wrongClient() throws {
        let pair = DTLSPair(factory, other)
        pair.start(serverExpects: [other.localFingerprint])
        pair.pump()
        let failure = try #require(pair.server.failure)
        #expect(failure.contains("does not match the fingerprint"))
        #expect(!pair.server.isConnected)
    }

    @Test("one matching fingerprint among several is enough")
    func severalFingerprints() {
        let pair = DTLSPair(factory, other)
        pair.start(clientExpects: [
            CertificateFingerprint(algorithm: "sha-512", digest: [1, 2, 3]),
            CertificateFingerprint(algorithm: "md2", digest: []),
            CertificateFingerprint(algorithm: "SHA-256", digest: other.localFingerprint.digest),
        ])
        pair.pump()
        #expect(pair.client.isConnected)
    }

    @Test("no fingerprint at all matches nothing")
    func noFingerprint() {
        let pair = DTLSPair(factory, other)
        pair.start(clientExpects: [])
        pair.pump()
        #expect(pair.client.failure != nil)
    }

    @Test("the peer sees close_notify, once")
    func closeNotify() {
        let pair = DTLSPair(factory, other)
        pair.start()
        pair.pump()
        pair.client.transport.close()
        pair.client.transport.close()
        pair.pump()
        #expect(pair.server.isClosed)
        #expect(pair.client.failure == nil && pair.server.failure == nil)
    }

    @Test("a handshake that nobody answers keeps asking for its timer")
    func unanswered() throws {
        let transport = factory.makeDTLS()
        transport.start(role: .client, expecting: [other.localFingerprint], now: .zero)
        let deadline = try #require(transport.nextDeadline)
        #expect(deadline > .zero && deadline < .zero + .milliseconds(100))
        // An early call changes nothing but may move the deadline.
        transport.handleTimeout(now: .zero)
        #expect(transport.nextDeadline == deadline)
    }

    @Test("every truncation of every handshake datagram is survived")
    func truncations() {
        let pair = DTLSPair(factory, other)
        pair.start()
        pair.pump()
        for (fromClient, bytes) in pair.wire {
            for length in 0..<bytes.count {
                let victim = factory.makeDTLS()
                victim.start(
                    role: fromClient ? .server : .client, expecting: [other.localFingerprint], now: .zero)
                victim.receive(bytes.span.bytes.extracting(0..<length), now: .zero)
                while victim.poll() != nil {}
            }
        }
    }

    @Test("truncated and altered records do not disturb a finished association")
    func garbageWhenConnected() {
        let pair = DTLSPair(factory, other)
        pair.start()
        pair.pump()
        pair.client.transport.send([1, 2, 3, 4])
        var record: [UInt8] = []
        pair.network = { datagrams in
            if let first = datagrams.first { record = first }
            return []
        }
        pair.pump()
        pair.network = { $0 }
        #expect(record.count > 17)
        for length in 0..<record.count {
            pair.server.transport.receive(record.span.bytes.extracting(0..<length), now: .zero)
        }
        for index in record.indices {
            var altered = record
            altered[index] ^= 0x55
            pair.server.transport.receive(altered.span.bytes, now: .zero)
        }
        pair.server.transport.receive(record.span.bytes, now: .zero)
        pair.pump()
        #expect(pair.server.received == [[1, 2, 3, 4]])
        #expect(pair.server.failure == nil)
    }

    @Test("a thousand associations come and go")
    func manyAssociations() {
        for index in 0..<1000 {
            let transport = factory.makeDTLS()
            if index.isMultiple(of: 2) {
                transport.start(role: .client, expecting: [other.localFingerprint], now: .zero)
            }
            while transport.poll() != nil {}
        }
    }
}
