import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("ICE: finding a pair")
struct ICEConnectTests {
    typealias Net = ICETestNetwork

    private static func network(_ role: ICERole, seed: UInt64 = 1, _ conditions: VirtualNetwork.Conditions = .init())
        -> Net
    {
        Net(
            left: ICEConfiguration(role: role), right: ICEConfiguration(role: role.opposite), seed: seed,
            conditions: conditions)
    }

    @Test("two agents connect over IPv4 in two round trips", arguments: [ICERole.controlling, .controlled])
    func connectV4(role: ICERole) throws {
        let net = Self.network(role)
        net.bind()
        try net.signal()
        net.start()
        #expect(net.runUntilConnected())
        #expect(net.agree)
        // A check and its answer, the nomination and its answer, 10 ms each way.
        #expect(net.clock.now <= .zero + .milliseconds(40))
        #expect(net.events[0].first == .stateChanged(.checking))
        #expect(net.events[0].contains(.selectedPair(local: Net.leftV4, remote: Net.rightV4)))
        #expect(net.events[0].last == .stateChanged(.connected))
        #expect(net.left.isSelected(local: Net.leftV4, remote: Net.rightV4))
        #expect(net.left.roundTripTime == .milliseconds(20))
    }

    @Test("two agents connect over IPv6", arguments: [ICERole.controlling, .controlled])
    func connectV6(role: ICERole) throws {
        let net = Self.network(role)
        net.bind(left: [Net.leftV6], right: [Net.rightV6])
        try net.signal()
        net.start()
        #expect(net.runUntilConnected())
        #expect(net.agree)
    }

    @Test("of several pairs that work the preferred one is selected")
    func preferredPair() throws {
        let net = Self.network(.controlling)
        net.bind(left: [Net.leftV6, Net.leftV4], right: [Net.rightV6, Net.rightV4])
        try net.signal()
        net.start()
        #expect(net.runUntilConnected())
        #expect(net.agree)
        #expect(net.left.selectedPair?.remote == Net.rightV6)
    }

    @Test("when the preferred pair does not work the next is nominated after a short patience")
    func patience() throws {
        let net = Self.network(.controlling)
        net.bind(left: [Net.leftV6, Net.leftV4], right: [Net.rightV6, Net.rightV4])
        net.network.block(Net.rightV6)
        try net.signal()
        net.start()
        #expect(net.runUntilConnected())
        #expect(net.agree)
        #expect(net.left.selectedPair?.remote == Net.rightV4)
        #expect(net.clock.now <= .zero + .milliseconds(300))
    }

    @Test("addresses of different families are not paired")
    func families() throws {
        let net = Self.network(.controlling)
        net.bind(left: [Net.leftV6], right: [Net.rightV4])
        try net.signal()
        net.start()
        #expect(!net.runUntilConnected(for: .seconds(29)))
        #expect(net.network.sent == 0)
    }

    @Test("a third of all datagrams may be lost, out of order and doubled", arguments: 1...25)
    func lossy(seed: Int) throws {
        let conditions = VirtualNetwork.Conditions(
            loss: 0.3, delay: .milliseconds(30), jitter: .milliseconds(60), duplication: 0.1)
        let net = Self.network(seed.isMultiple(of: 2) ? .controlling : .controlled, seed: UInt64(seed), conditions)
        net.bind(left: [Net.leftV4, Net.leftV6], right: [Net.rightV4, Net.rightV6])
        try net.signal()
        net.start()
        #expect(net.runUntilConnected(for: .seconds(15)))
        #expect(net.run(for: .seconds(15)) { $0.agree })
    }

    @Test("loss does not end a connection once it is there", arguments: 1...5)
    func lossyConsent(seed: Int) throws {
        let conditions = VirtualNetwork.Conditions(loss: 0.1, delay: .milliseconds(30), jitter: .milliseconds(60))
        let net = Self.network(.controlling, seed: UInt64(seed), conditions)
        net.bind()
        try net.signal()
        net.start()
        #expect(net.runUntilConnected())
        net.run(for: .seconds(600))
        #expect(net.left.state == .connected || net.left.state == .disconnected)
        #expect(!net.events[0].contains(.stateChanged(.failed)))
        #expect(net.agree)
    }

    @Test("behind a translator each side learns the outer address", arguments: [ICERole.controlling, .controlled])
    func translator(role: ICERole) throws {
        let outside = TransportAddress(ip: .v4(0xCB00_7105), port: 61000)
        let net = Self.network(role)
        net.network.translate(inside: Net.leftV4, outside: outside)
        net.bind()
        try net.signal()
        net.start()
        #expect(net.runUntilConnected())
        #expect(net.left.selectedPair?.local == Net.leftV4)
        #expect(net.left.selectedPair?.remote == Net.rightV4)
        #expect(net.right.selectedPair?.remote == outside)
        #expect(net.left.reflexiveCandidates.map(\.address) == [outside])
        let learned = net.right.remoteCandidates.first { $0.address == outside }
        #expect(learned?.kind == .peerReflexive)
        #expect(learned?.priority == ICECandidate.priority(kind: .peerReflexive, localPreference: 65535))
    }

    @Test("when a translator changes the outer address the controlled side follows")
    func rebinding() throws {
        let (first, second) = (
            TransportAddress(ip: .v4(0xCB00_7105), port: 61000), TransportAddress(ip: .v4(0xCB00_7105), port: 61001)
        )
        let net = Self.network(.controlling)
        net.network.translate(inside: Net.leftV4, outside: first)
        net.bind()
        try net.signal()
        net.start()
        #expect(net.runUntilConnected())
        net.run(for: .seconds(2))
        net.network.translate(inside: Net.leftV4, outside: second)
        net.run(for: .seconds(8))
        #expect(net.right.selectedPair?.remote == second)
        #expect(net.left.state == .connected)
        net.run(for: .seconds(60))
        #expect(net.left.state == .connected)
        #expect(net.right.state == .connected)
    }

    @Test("candidates may come one by one, long after the start")
    func lateTrickle() throws {
        let net = Self.network(.controlling)
        net.bind()
        net.start()
        net.tellCredentials(to: .left)
        net.tellCredentials(to: .right)
        net.run(for: .seconds(3))
        #expect(net.network.sent == 0)
        try net.tellCandidates(to: .left)
        let begin = net.clock.now
        #expect(net.runUntilConnected())
        #expect(net.clock.now - begin <= .milliseconds(60))
        #expect(net.right.remoteCandidates.map(\.kind) == [.peerReflexive])
        try net.tellCandidates(to: .right)
        #expect(net.right.remoteCandidates.map(\.kind) == [.host])
    }

    @Test("candidates may come before credentials")
    func earlyTrickle() throws {
        let net = Self.network(.controlled)
        net.bind()
        net.start()
        try net.tellCandidates(to: .left)
        try net.tellCandidates(to: .right)
        net.run(for: .seconds(1))
        #expect(net.network.sent == 0)
        net.tellCredentials(to: .left)
        net.tellCredentials(to: .right)
        #expect(net.runUntilConnected())
        #expect(net.agree)
    }

    @Test("our own sockets may come after everything else")
    func lateSockets() throws {
        let net = Self.network(.controlling)
        net.bind(left: [])
        try net.signal()
        net.start()
        net.run(for: .seconds(1))
        _ = net.left.addLocalCandidate(host: Net.leftV4)
        #expect(net.runUntilConnected())
        #expect(net.agree)
    }

    @Test(
        "a check that comes before the credentials is answered at once and acted upon later",
        arguments: [ICERole.controlling, .controlled])
    func earlyCheck(role: ICERole) throws {
        let net = Self.network(role)
        net.bind()
        net.tellCredentials(to: .left)
        try net.tellCandidates(to: .left)
        net.start()
        // The right side knows nothing of the left.
        net.run(for: .milliseconds(200))
        #expect(net.errors(of: .right).isEmpty)
        #expect(!net.transmissions[1].isEmpty)
        #expect(net.right.isKnownRemote(Net.leftV4))
        #expect(net.right.state == .checking)
        net.tellCredentials(to: .right)
        #expect(net.run(for: .milliseconds(100)) { $0.right.state == .connected || $0.left.state == .connected })
        #expect(net.runUntilConnected())
        #expect(net.agree)
    }

    @Test("new checks keep their distance, the first goes out at once")
    func pacing() throws {
        let net = Self.network(.controlling)
        net.bind(right: (0..<10).map { TransportAddress(ip: .v4(0x0A00_0100 + $0), port: 9) })
        for candidate in net.right.localCandidates { net.network.block(candidate.address) }
        net.tellCredentials(to: .left)
        try net.tellCandidates(to: .left)
        net.start()
        net.run(for: .milliseconds(490))
        let times = net.requests(of: .left).map(\.time.milliseconds)
        #expect(times == [0, 50, 100, 150, 200, 250, 300, 350, 400, 450])
    }

    @Test("data may flow over a valid pair before one is selected")
    func sendingPair() throws {
        let net = Self.network(.controlling)
        net.bind()
        try net.signal()
        net.start()
        #expect(net.run(for: .seconds(1)) { $0.right.sendingPair != nil })
        #expect(net.right.selectedPair == nil)
        #expect(net.right.sendingPair?.remote == Net.leftV4)
        #expect(net.right.isKnownRemote(Net.leftV4))
        #expect(!net.right.isKnownRemote(Net.leftV6))
    }

    @Test("without an answer the agent gives up after its time limit, and asks no more")
    func timeout() throws {
        let net = Self.network(.controlling)
        net.bind()
        try net.signal()
        net.network.block(Net.rightV4)
        net.start()
        #expect(net.run(for: .seconds(31)) { $0.left.state == .failed })
        #expect(net.clock.now == .zero + .seconds(30))
        #expect(net.left.nextDeadline == nil)
        #expect(net.requests(of: .left).count == net.left.configuration.maximumTransmissions)
    }

    @Test("nothing is sent after the agent is closed")
    func close() throws {
        let net = Self.network(.controlling)
        net.bind()
        try net.signal()
        net.start()
        net.runUntilConnected()
        net.left.close()
        let sent = net.transmissions[0].count
        net.run(for: .seconds(60))
        #expect(net.transmissions[0].count == sent)
        #expect(net.left.selectedPair == nil)
        #expect(net.events[0].last == .stateChanged(.closed))
        // The other side notices by itself.
        #expect(net.right.state == .failed)
    }
}
