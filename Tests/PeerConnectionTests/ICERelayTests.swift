import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("ICE by TURN servers")
struct ICERelayTests {
    private static let relay = TransportAddress(ip: .v4(0xC000_0207), port: 50_000)

    /// A client that may relay, and a lite server; UDP straight to it is dropped.
    private func stage(forced: Bool = false, blocksUDP: Bool = true) throws -> ICETestNetwork {
        var configuration = ICEConfiguration(role: .controlling)
        configuration.mayRelay = true
        if forced { configuration.streamDelay = .zero }
        let stage = ICETestNetwork(left: configuration, right: ICEConfiguration(isLite: true))
        stage.bind(left: forced ? [] : [ICETestNetwork.leftV4])
        if blocksUDP {
            stage.blocks = { $0.source == ICETestNetwork.leftV4 || $0.destination == ICETestNetwork.leftV4 }
        }
        try stage.signal()
        stage.start()
        return stage
    }

    private func wishes(_ stage: ICETestNetwork) -> [ICEOutput] {
        stage.events[0].filter { if case .relayWanted = $0 { true } else { false } }
    }

    private func add(_ stage: ICETestNetwork, _ address: TransportAddress = relay, preference: UInt16 = 1)
        -> ICECandidate?
    {
        stage.left.addRelayedCandidate(address, preference: preference)
    }

    @Test("where UDP is dropped a relay is asked for after its head start, once for each family of the peer")
    func wish() throws {
        let stage = try stage()
        stage.run(for: .milliseconds(290))
        #expect(wishes(stage).isEmpty)
        stage.run(for: .milliseconds(20))
        #expect(wishes(stage) == [.relayWanted(isV6: false)])
        stage.left.addRemoteCandidate(ICECandidate(host: ICETestNetwork.rightV6))
        stage.run(for: .seconds(5))
        #expect(wishes(stage) == [.relayWanted(isV6: false), .relayWanted(isV6: true)])
    }

    @Test("where UDP passes none is asked for")
    func noWish() throws {
        let stage = try stage(blocksUDP: false)
        stage.run(for: .seconds(60))
        #expect(stage.left.state == .connected && wishes(stage).isEmpty)
    }

    @Test("with relays alone one is asked for at once, and carries the data")
    func forced() throws {
        let stage = try stage(forced: true)
        stage.run(for: .milliseconds(1))
        #expect(wishes(stage) == [.relayWanted(isV6: false)])
        #expect(add(stage) != nil)
        #expect(stage.runUntilConnected(for: .milliseconds(500)))
        #expect(stage.left.selectedPair?.local == Self.relay && stage.left.selectedKind == .relay && stage.agree)
    }

    @Test("a relay carries the data until UDP passes again")
    func backToUDP() throws {
        let stage = try stage()
        stage.run(for: .milliseconds(310))
        #expect(add(stage)?.text.contains("typ relay raddr 0.0.0.0 rport 0") == true)
        #expect(stage.runUntilConnected(for: .milliseconds(500)))
        #expect(stage.left.selectedPair?.local == Self.relay)
        stage.blocks = { _ in false }
        #expect(stage.run(for: .seconds(20)) { $0.left.selectedPair?.local == ICETestNetwork.leftV4 && $0.agree })
        stage.left.removeLocalCandidate(Self.relay, reason: nil, now: stage.clock.now)
        stage.run(for: .seconds(60))
        #expect(stage.agents.allSatisfy { $0.state == .connected })
        #expect(stage.left.report.allSatisfy { $0.failure == nil })
    }

    @Test("of two relays the preferred one is used")
    func preference() throws {
        let stage = try stage(forced: true)
        stage.run(for: .milliseconds(1))
        let other = TransportAddress(ip: Self.relay.ip, port: 50_001)
        #expect(add(stage, preference: 1) != nil && add(stage, other, preference: 2) != nil)
        #expect(stage.runUntilConnected())
        #expect(stage.left.selectedPair?.local == other)
    }

    @Test("an address that we have already is refused, whoever says that it is a relay's")
    func knownAddress() throws {
        let stage = try stage()
        #expect(add(stage, ICETestNetwork.leftV4) == nil)
        #expect(add(stage) != nil && add(stage) == nil)
    }

    @Test("the end of the relay in use is the end of the path, and a restart asks for another one")
    func relayLost() throws {
        let stage = try stage()
        stage.run(for: .milliseconds(310))
        #expect(add(stage) != nil)
        #expect(stage.runUntilConnected())
        stage.left.removeLocalCandidate(Self.relay, reason: "gone", now: stage.clock.now)
        #expect(stage.left.state == .failed)
        stage.left.restart(now: stage.clock.now)
        stage.right.restart(now: stage.clock.now)
        try stage.signal()
        stage.run(for: .milliseconds(400))
        #expect(wishes(stage).count == 2)
        let other = TransportAddress(ip: Self.relay.ip, port: 50_001)
        #expect(add(stage, other) != nil)
        #expect(stage.run(for: .seconds(2)) { $0.left.selectedPair?.local == other })
    }

    @Test("what a relay's server does not allow is told")
    func refused() throws {
        let stage = try stage(forced: true)
        stage.run(for: .milliseconds(1))
        #expect(add(stage) != nil)
        stage.blocks = { _ in true }
        stage.run(for: .milliseconds(100))
        stage.left.pathRefused(
            from: Self.relay, to: ICETestNetwork.rightV4, reason: "the server does not allow it", now: stage.clock.now)
        stage.run(for: .seconds(5))
        #expect(stage.left.report.map(\.text) == ["TURN to 10.0.0.2:2000: the server does not allow it"])
    }
}
