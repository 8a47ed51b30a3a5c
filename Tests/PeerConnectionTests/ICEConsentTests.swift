import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("ICE: consent and silence")
struct ICEConsentTests {
    typealias Net = ICETestNetwork

    private func connected(lite: Bool = false) throws -> Net {
        let net = Net(right: ICEConfiguration(isLite: lite, role: .controlled))
        net.bind()
        try net.signal()
        net.start()
        try #require(net.runUntilConnected())
        return net
    }

    private func states(_ events: [ICEOutput]) -> [ICEState] {
        events.compactMap { if case .stateChanged(let state) = $0 { state } else { nil } }
    }

    @Test("consent is asked for every four to six seconds")
    func interval() throws {
        let net = try connected()
        net.run(for: .seconds(300))
        let times = net.requests(of: .left).map(\.time).filter { $0 > .zero + .seconds(1) }
        let pauses = zip(times, times.dropFirst()).map { $1 - $0 }
        #expect(pauses.count > 45)
        #expect(pauses.allSatisfy { $0 >= .seconds(4) && $0 <= .seconds(6) })
        #expect(Set(pauses).count > 30)
    }

    @Test("with a check each second a server follows a translator's new address within 1.5 s")
    func rebinding() throws {
        var often = ICEConfiguration(role: .controlling)
        often.consentInterval = .seconds(1)
        let net = Net(left: often, right: ICEConfiguration(isLite: true))
        net.bind()
        try net.signal()
        net.start()
        try #require(net.runUntilConnected())
        for port in 61_001...61_010 as ClosedRange<UInt16> {
            net.run(for: .milliseconds(2170))
            let outside = TransportAddress(ip: .v4(0xCB00_7105), port: port)
            net.network.translate(inside: Net.leftV4, outside: outside)
            #expect(net.run(for: .milliseconds(1500)) { $0.right.selectedPair?.remote == outside })
        }
    }

    /// A client as a participant has it, and a lite server.
    private func attentive() throws -> Net {
        var often = ICEConfiguration(role: .controlling)
        often.consentInterval = .seconds(1)
        often.consentRetry = ICEConsentRetry()
        let net = Net(left: often, right: ICEConfiguration(isLite: true))
        net.bind()
        try net.signal()
        net.start()
        try #require(net.runUntilConnected())
        return net
    }

    @Test("a dead path is noticed within two seconds, whenever it dies, and is used again when it lives")
    func deadPath() throws {
        let net = try attentive()
        for _ in 0..<10 {
            net.run(for: .milliseconds(2170))
            #expect(net.left.state == .connected)
            net.blocks = { _ in true }
            #expect(net.run(for: .milliseconds(2050)) { $0.left.state == .disconnected })
            net.blocks = { _ in false }
            #expect(net.run(for: .milliseconds(200)) { $0.left.state == .connected })
        }
    }

    @Test(
        "a path that loses a fifth of all packets each way is not taken for a dead one",
        arguments: 1...5 as ClosedRange<UInt64>)
    func lossyPath(seed: UInt64) throws {
        let net = try attentive()
        var random = SplitMix64(seed: seed)
        net.blocks = { _ in random.next() % 5 == 0 }
        net.events = [[], []]
        net.run(for: .seconds(300))
        let isBroken = net.events[0].contains(.stateChanged(.disconnected))
        #expect(!isBroken)
    }

    @Test("a process that stood still asks first")
    func standstill() throws {
        let net = try attentive()
        net.run(for: .seconds(3))
        net.clock.advance(to: net.clock.now + .seconds(8))
        net.events = [[], []]
        net.run(for: .seconds(5))
        #expect(!net.events[0].contains(.stateChanged(.disconnected)))
        #expect(net.left.state == .connected)
    }

    @Test("silence is noticed after ten seconds, and forgiven", arguments: [false, true])
    func disconnected(lite: Bool) throws {
        let net = try connected(lite: lite)
        net.network.block(Net.leftV4)
        #expect(net.run(for: .seconds(11)) { $0.agents.allSatisfy { $0.state == .disconnected } })
        #expect(net.left.selectedPair != nil)
        net.network.unblock(Net.leftV4)
        #expect(net.run(for: .seconds(8)) { $0.agents.allSatisfy { $0.state == .connected } })
        #expect(states(net.events[0]) == [.checking, .connected, .disconnected, .connected])
    }

    @Test("without consent for thirty seconds all sending ends", arguments: [false, true])
    func lost(lite: Bool) throws {
        let net = try connected(lite: lite)
        let begin = net.clock.now
        net.network.block(Net.leftV4)
        #expect(net.run(for: .seconds(32)) { $0.agents.allSatisfy { $0.state == .failed } })
        #expect(net.clock.now - begin >= .seconds(29))
        #expect(net.left.selectedPair == nil)
        #expect(net.left.sendingPair == nil)
        let sent = net.network.sent
        net.network.unblock(Net.leftV4)
        net.run(for: .seconds(60))
        #expect(net.network.sent == sent)
        #expect(states(net.events[0]) == [.checking, .connected, .disconnected, .failed])
    }

    @Test("traffic keeps a connection from being called disconnected but is no consent")
    func traffic() throws {
        let net = try connected()
        net.network.block(Net.leftV4)
        for _ in 0..<28 {
            net.run(for: .seconds(1))
            net.left.noteTraffic(from: Net.rightV4, now: net.clock.now)
            #expect(net.left.state == .connected)
        }
        net.run(for: .seconds(4))
        #expect(net.left.state == .failed)
    }

    @Test("traffic ends disconnection at once, whoever else's traffic does not")
    func trafficResumes() throws {
        let net = try connected()
        net.network.block(Net.leftV4)
        net.run(for: .seconds(12))
        #expect(net.left.state == .disconnected)
        net.left.noteTraffic(from: Net.leftV6, now: net.clock.now)
        #expect(net.left.state == .disconnected)
        net.left.noteTraffic(from: Net.rightV4, now: net.clock.now)
        #expect(net.left.state == .connected)
    }

    @Test("for a lite agent traffic is a sign of life")
    func liteTraffic() throws {
        let net = try connected(lite: true)
        net.network.block(Net.leftV4)
        for _ in 0..<60 {
            net.run(for: .seconds(1))
            net.right.noteTraffic(from: Net.leftV4, now: net.clock.now)
        }
        #expect(net.right.state == .connected)
        net.run(for: .seconds(31))
        #expect(net.right.state == .failed)
    }

    @Test("an answer that is not authentic is no consent")
    func forgedConsent() {
        var peer = ICETestPeer()
        peer.check(from: peer.addresses[0], isNominating: true)
        peer.advance(by: .milliseconds(100))
        #expect(peer.agent.state == .connected)
        peer.answers = false
        for _ in 0..<35 {
            peer.received = []
            peer.advance(by: .seconds(1))
            for request in peer.received where request.messageClass == .request {
                peer.send(
                    peer.answerBytes(to: request, password: "somebody else's password"), from: peer.addresses[0])
                // Authentic, but not from where the question went.
                peer.send(peer.answerBytes(to: request), from: peer.addresses[1])
            }
        }
        #expect(peer.agent.state == .failed)
    }
}
