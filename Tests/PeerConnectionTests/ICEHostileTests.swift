import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("ICE: unknown peers and forgers")
struct ICEHostileTests {
    typealias Net = ICETestNetwork

    @Test("a check with the wrong password is answered 401 and changes nothing")
    func wrongPassword() {
        var peer = ICETestPeer()
        let forged = peer.checkBytes(isNominating: true, password: "not the right password")
        peer.send(forged, from: peer.addresses[0])
        peer.advance(by: .seconds(1))
        #expect(peer.received.map(\.errorCode) == [.unauthenticated])
        #expect(peer.agent.remoteCandidates.isEmpty)
        #expect(!peer.agent.isKnownRemote(peer.addresses[0]))
    }

    @Test("a check for somebody else is answered 401", arguments: ["", ":", "x", "x:y", "a:b:c"])
    func wrongName(username: String) {
        var peer = ICETestPeer()
        let forged = peer.checkBytes(isNominating: true, username: username)
        peer.send(forged, from: peer.addresses[0])
        #expect(peer.received.map(\.errorCode) == [.unauthenticated])
        #expect(peer.agent.remoteCandidates.isEmpty)
    }

    @Test("an error is never longer than the request that caused it")
    func noAmplification() throws {
        var agent = ICETestPeer().agent
        let base = ICETestNetwork.rightV4
        let bare = STUNMessage(.request, transactionID: STUNTransactionID(high: 1, low: 2))
        let named = STUNMessage(
            .request, transactionID: STUNTransactionID(high: 1, low: 2), attributes: [.username("x")])
        for (request, key) in [(bare, nil), (named, nil), (named, [UInt8](repeating: 1, count: 4))] {
            let datagram = request.serialized(integrityKey: key, authentication: TestAuthentication.plain)
            agent.receive(datagram.span.bytes, from: ICETestNetwork.leftV4, on: base, now: .zero)
            while case .transmit(let answer, _, _)? = agent.poll() { #expect(answer.count <= datagram.count) }
        }
    }

    @Test("two agents of which one has the wrong password never connect")
    func neverConnected() throws {
        let net = Net()
        net.bind()
        try net.signal()
        let wrong = try #require(
            ICECredentials(
                usernameFragment: net.right.localCredentials.usernameFragment,
                password: String(repeating: "w", count: 24)))
        net.left = ICEAgent(
            configuration: ICEConfiguration(role: .controlling), authentication: TestAuthentication.plain,
            random: SplitMix64(seed: 5))
        _ = net.left.addLocalCandidate(host: Net.leftV4)
        net.left.setRemoteCredentials(wrong)
        try net.tellCandidates(to: .left)
        net.start()
        net.run(for: .seconds(31))
        #expect(net.left.state == .failed)
        #expect(net.right.state == .failed)
        #expect(net.errors(of: .right).allSatisfy { $0 == 401 })
        #expect(!net.errors(of: .right).isEmpty)
    }

    @Test("an unknown attribute that must be understood is answered 420 with its number")
    func unknownAttribute() throws {
        var peer = ICETestPeer()
        // The library writes no unknown attributes, so one is spliced in and the message is made authentic again.
        let plain = STUNMessage(
            .request, transactionID: STUNTransactionID(high: 3, low: 4),
            attributes: [
                .username("\(peer.agent.localCredentials.usernameFragment):\(peer.credentials.usernameFragment)"),
                .priority(1), .iceControlling(.max),
            ]
        ).serialized(authentication: TestAuthentication.plain)
        var writer = ByteWriter()
        writer.write(plain.dropLast(8))
        writer.write(UInt16(0x7ABC))
        writer.write(UInt16(0))
        writer.overwrite(at: 2, with: UInt16(writer.count + 24 - 20))
        let code = TestAuthentication.plain.hmacSHA1(Array(peer.agent.localCredentials.password.utf8), writer.bytes)
        writer.write(UInt16(0x0008))
        writer.write(UInt16(20))
        writer.write(code)
        peer.send(writer.bytes, from: peer.addresses[0])
        #expect(peer.received.map(\.errorCode) == [.unknownAttribute])
        #expect(peer.received.first?.attributes.contains(.unknownAttributes([0x7ABC])) == true)
        #expect(peer.agent.remoteCandidates.isEmpty)
    }

    @Test("an answer that nobody asked for, or from elsewhere, selects nothing")
    func strayAnswers() throws {
        var peer = ICETestPeer(configuration: ICEConfiguration(role: .controlling), answers: false)
        peer.agent.addRemoteCandidate(ICECandidate(host: peer.addresses[0]))
        peer.advance(by: .milliseconds(10))
        let request = try #require(peer.received.first)
        var other = request
        other.transactionID = STUNTransactionID(high: 0, low: 0)
        peer.send(peer.answerBytes(to: other), from: peer.addresses[0])
        peer.send(peer.answerBytes(to: request, password: "somebody else's password"), from: peer.addresses[0])
        #expect(peer.agent.sendingPair == nil)
        peer.send(peer.answerBytes(to: request), from: peer.addresses[1])
        #expect(peer.agent.sendingPair == nil)
        #expect(peer.agent.selectedPair == nil)
    }

    @Test("a forged role conflict does not change the role")
    func forgedConflict() throws {
        var peer = ICETestPeer(configuration: ICEConfiguration(role: .controlling), answers: false)
        peer.agent.addRemoteCandidate(ICECandidate(host: peer.addresses[0]))
        peer.advance(by: .milliseconds(10))
        let request = try #require(peer.received.first)
        let conflict = STUNMessage(
            .failure, transactionID: request.transactionID, attributes: [.errorCode(.roleConflict)])
        peer.send(conflict.serialized(authentication: TestAuthentication.plain), from: peer.addresses[0])
        #expect(peer.agent.role == .controlling)
        peer.send(
            conflict.serialized(
                integrityKey: Array(peer.credentials.password.utf8), authentication: TestAuthentication.plain),
            from: peer.addresses[0])
        #expect(peer.agent.role == .controlled)
    }

    @Test("datagrams to a socket that is none of ours are dropped")
    func foreignSocket() {
        var peer = ICETestPeer()
        let check = peer.checkBytes(isNominating: true)
        peer.agent.receive(check.span.bytes, from: peer.addresses[0], on: ICETestNetwork.leftV6, now: .zero)
        peer.drain()
        #expect(peer.received.isEmpty)
    }

    @Test("no truncation and no flipped bit of a check traps or is believed")
    func damagedChecks() {
        let clean = ICETestPeer()
        var source = clean
        let check = source.checkBytes(priority: 77, isNominating: true)
        for length in 0..<check.count {
            var peer = clean
            peer.send(Array(check[..<length]), from: peer.addresses[0])
            #expect(peer.agent.remoteCandidates.isEmpty)
        }
        for bit in 0..<(check.count - 8) * 8 {
            var peer = clean
            var damaged = check
            damaged[bit / 8] ^= 1 << (bit % 8)
            peer.send(damaged, from: peer.addresses[0])
            #expect(peer.agent.remoteCandidates.isEmpty)
        }
    }

    @Test("authentic checks from hundreds of addresses stay within bounds", arguments: [false, true])
    func manyAddresses(lite: Bool) {
        for knowsCredentials in [false, true] {
            var peer = ICETestPeer(
                configuration: ICEConfiguration(isLite: lite, role: .controlled), answers: !lite,
                knowsCredentials: knowsCredentials)
            for index in 0..<300 {
                let address = TransportAddress(ip: .v4(0x0B00_0000 + UInt32(index)), port: 1)
                peer.check(from: address, priority: UInt32(index), isNominating: index.isMultiple(of: 7))
                if index.isMultiple(of: 50) { peer.advance(by: .milliseconds(20)) }
            }
            #expect(peer.agent.remoteCandidates.count <= ICEAgent.maximumRemoteCandidates)
            let known = (0..<300).filter {
                peer.agent.isKnownRemote(TransportAddress(ip: .v4(0x0B00_0000 + UInt32($0)), port: 1))
            }
            #expect(known.count <= ICEAgent.maximumPairs + ICEAgent.maximumEarlyChecks)
        }
    }

    @Test("a flood of candidates and sockets stays within bounds")
    func manyCandidates() {
        var peer = ICETestPeer()
        for index in 0..<500 {
            let address = TransportAddress(ip: .v4(0x0B00_0000 + UInt32(index)), port: 1)
            _ = peer.agent.addLocalCandidate(host: address)
            peer.agent.addRemoteCandidate(ICECandidate(host: address, index: index))
            var late = ICECandidate(host: address, index: index)
            late.extensions = [.init(name: "ufrag", value: "late")]
            peer.agent.addRemoteCandidate(late)
        }
        #expect(peer.agent.localCandidates.count == ICEAgent.maximumLocalCandidates)
        #expect(peer.agent.remoteCandidates.count == ICEAgent.maximumRemoteCandidates)
        // Many checks go out, and still one at a time.
        peer.answers = false
        peer.received = []
        peer.advance(by: .milliseconds(1000))
        #expect(peer.received.count <= 21 + 20)
    }

    @Test("candidates that are of no use are passed over")
    func uselessCandidates() throws {
        var peer = ICETestPeer()
        for line in [
            "candidate:1 2 udp 1 10.0.0.1 5000 typ host", "candidate:1 1 tcp 1 10.0.0.1 5000 typ host tcptype active",
            "candidate:1 1 udp 1 10.0.0.1 0 typ host", "candidate:1 1 udp 1 fe80::1 5000 typ host",
            "candidate:1 1 udp 1 0.0.0.0 5000 typ host", "candidate:1 1 udp 1 :: 5000 typ host",
        ] {
            let isTaken = peer.agent.addRemoteCandidate(try ICECandidate(parsing: line))
            #expect(!isTaken)
        }
        #expect(peer.agent.remoteCandidates.isEmpty)
    }

    @Test("random datagrams never trap")
    func noise() {
        var peer = ICETestPeer()
        var random = SplitMix64(seed: 4)
        let check = peer.checkBytes(isNominating: true)
        for _ in 0..<1_000 {
            var datagram = check
            for _ in 0..<1 + random.next() % 6 {
                datagram[Int(random.next() % UInt64(datagram.count - 8))] = UInt8(truncatingIfNeeded: random.next())
            }
            // A byte may have been replaced by itself.
            guard datagram != check else { continue }
            peer.send(datagram, from: peer.addresses[Int(random.next() % 8)])
        }
        #expect(peer.agent.state == .checking)
    }
}
