import PeerConnection
import TestSupport
import Testing
import Wire

/// Gives everybody the same first number, which is the tie-breaker.
private struct SameBeginning: RandomNumberGenerator {
    var first: UInt64? = 77
    var rest: SplitMix64

    init(rest: SplitMix64) { self.rest = rest }

    mutating func next() -> UInt64 {
        defer { first = nil }
        return first ?? rest.next()
    }
}

@Suite("ICE: roles and nomination")
struct ICERoleTests {
    typealias Net = ICETestNetwork

    @Test("two agents that both believe in the same role agree on one", arguments: 1...6)
    func conflict(seed: Int) throws {
        let role: ICERole = seed.isMultiple(of: 2) ? .controlling : .controlled
        let net = Net(
            left: ICEConfiguration(role: role), right: ICEConfiguration(role: role), seed: UInt64(seed))
        net.bind()
        try net.signal()
        net.start()
        #expect(net.runUntilConnected(for: .seconds(2)))
        #expect(net.agree)
        #expect(net.left.role == net.right.role.opposite)
    }

    @Test("a conflict that only one side can notice is told by 487", arguments: [ICERole.controlling, .controlled])
    func toldConflict(role: ICERole) throws {
        // Only one side sends checks, so either it gives way to 487 or the other gives way to it.
        var codes: Set<Int> = []
        for seed in 1...8 {
            let net = Net(
                left: ICEConfiguration(role: role), right: ICEConfiguration(role: role), seed: UInt64(seed))
            net.bind()
            net.tellCredentials(to: .left)
            try net.tellCandidates(to: .left)
            net.start()
            net.run(for: .seconds(1))
            #expect(net.left.role == net.right.role.opposite)
            codes.formUnion(net.errors(of: .right))
            net.tellCredentials(to: .right)
            #expect(net.runUntilConnected(for: .seconds(2)))
        }
        #expect(codes == [487])
    }

    @Test("equal tie-breakers end in agreement too", arguments: [ICERole.controlling, .controlled])
    func equalTieBreakers(role: ICERole) throws {
        var agents: [ICEAgent] = []
        for (seed, name) in [(1, "left"), (2, "right")] as [(UInt64, String)] {
            var configuration = ICEConfiguration(role: role)
            configuration.credentials = ICECredentials(
                usernameFragment: name, password: String(repeating: name, count: 6))
            agents.append(
                ICEAgent(
                    configuration: configuration, authentication: TestAuthentication.plain,
                    random: SameBeginning(rest: SplitMix64(seed: seed))))
        }
        let net = Net()
        net.agents = agents
        net.bind()
        try net.signal()
        net.start()
        #expect(net.runUntilConnected(for: .seconds(10)))
        #expect(net.agree)
        #expect(net.left.role == net.right.role.opposite)
    }

    @Test("a lite peer makes us controlling")
    func liteFarSide() throws {
        let net = Net(left: ICEConfiguration(role: .controlled), right: ICEConfiguration(isLite: true))
        net.bind()
        net.tellCredentials(to: .left)
        try net.tellCandidates(to: .left)
        #expect(net.left.role == .controlling)
        #expect(net.right.role == .controlled)
        net.start()
        #expect(net.runUntilConnected())
        #expect(net.agree)
        #expect(net.requests(of: .right).isEmpty)
        net.run(for: .seconds(120))
        #expect(net.left.state == .connected)
        #expect(net.right.state == .connected)
        #expect(net.requests(of: .right).isEmpty)
    }

    @Test("a lite peer is found through loss", arguments: 1...10)
    func liteFarSideLossy(seed: Int) throws {
        let conditions = VirtualNetwork.Conditions(loss: 0.3, delay: .milliseconds(20), jitter: .milliseconds(40))
        let net = Net(right: ICEConfiguration(isLite: true), seed: UInt64(seed), conditions: conditions)
        net.bind()
        net.tellCredentials(to: .left)
        try net.tellCandidates(to: .left)
        net.start()
        #expect(net.runUntilConnected(for: .seconds(12)))
        #expect(net.agree)
    }

    @Test("a controlling agent claims a lite agent's own role in vain", arguments: [true, false])
    func liteConflict(isRemoteToldLite: Bool) throws {
        let net = Net(left: ICEConfiguration(role: .controlled), right: ICEConfiguration(isLite: true))
        net.bind()
        // The peer's description did not say that it is lite: 487 says so.
        net.left.setRemoteCredentials(net.right.localCredentials, isLite: isRemoteToldLite)
        try net.tellCandidates(to: .left)
        net.start()
        #expect(net.runUntilConnected(for: .seconds(2)))
        #expect(net.left.role == .controlling)
        #expect(net.errors(of: .right).contains(487) == !isRemoteToldLite)
    }

    @Test(
        "of the pairs that an aggressive peer nominates the best is selected, in any order",
        arguments: [false, true])
    func aggressive(bestFirst: Bool) throws {
        var peer = ICETestPeer()
        let priorities: [UInt32] = bestFirst ? [3_000_000, 2_000_000] : [2_000_000, 3_000_000]
        for (index, priority) in priorities.enumerated() {
            peer.check(from: peer.addresses[index], priority: priority, isNominating: true)
        }
        peer.advance(by: .milliseconds(100))
        #expect(peer.agent.state == .connected)
        #expect(peer.agent.selectedPair?.remote == peer.addresses[bestFirst ? 0 : 1])
    }

    @Test("a peer that later nominates a lesser pair is followed")
    func changeOfMind() throws {
        var peer = ICETestPeer()
        peer.check(from: peer.addresses[0], priority: 3_000_000, isNominating: true)
        peer.check(from: peer.addresses[1], priority: 2_000_000, isNominating: false)
        peer.advance(by: .milliseconds(100))
        #expect(peer.agent.selectedPair?.remote == peer.addresses[0])
        peer.advance(by: .seconds(3))
        peer.check(from: peer.addresses[1], priority: 2_000_000, isNominating: true)
        #expect(peer.agent.selectedPair?.remote == peer.addresses[1])
        #expect(peer.agent.state == .connected)
    }

    @Test("a nomination counts only once our own check has come back")
    func nominationBeforeValidity() throws {
        var peer = ICETestPeer(answers: false)
        peer.check(from: peer.addresses[0], priority: 3_000_000, isNominating: true)
        peer.advance(by: .seconds(1))
        #expect(peer.agent.selectedPair == nil)
        peer.answers = true
        peer.advance(by: .seconds(2))
        #expect(peer.agent.selectedPair?.remote == peer.addresses[0])
    }
}
