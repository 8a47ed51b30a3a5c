import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("ICE: restart")
struct ICERestartTests {
    typealias Net = ICETestNetwork

    private func connected(lite: Bool = false) throws -> Net {
        let net = Net(right: ICEConfiguration(isLite: lite, role: .controlled))
        net.bind()
        try net.signal()
        net.start()
        try #require(net.runUntilConnected())
        try #require(net.agree)
        return net
    }

    @Test("new credentials lead to a new pair, and the connection is never in doubt", arguments: [false, true])
    func restart(lite: Bool) throws {
        let net = try connected(lite: lite)
        let before = (net.left.localCredentials, net.right.localCredentials)
        net.left.restart(now: net.clock.now)
        #expect(net.left.localCredentials != before.0)
        #expect(net.left.remoteCredentials == nil)
        // While the offer is on its way everything goes on.
        net.run(for: .seconds(20))
        #expect(net.left.state == .connected)
        #expect(net.right.state == .connected)
        #expect(net.left.selectedPair != nil)
        // The offer restarts the peer, whose answer carries new credentials.
        net.tellCredentials(to: .right)
        #expect(net.right.localCredentials != before.1)
        try net.tellCandidates(to: .right)
        net.run(for: .milliseconds(500))
        net.tellCredentials(to: .left)
        try net.tellCandidates(to: .left)
        let selections = net.events.map { $0.count }
        #expect(net.run(for: .seconds(2)) { $0.events[0].count > selections[0] && $0.events[1].count > selections[1] })
        #expect(net.agree)
        net.run(for: .seconds(120))
        for events in net.events {
            let states = events.compactMap { if case .stateChanged(let state) = $0 { state } else { nil } }
            #expect(states == [.checking, .connected])
            #expect(events.filter { $0 == events[1] }.count == 2, "the pair is announced once a generation")
        }
    }

    @Test("the controlled side may restart as well")
    func restartByControlled() throws {
        let net = try connected()
        net.right.restart(now: net.clock.now)
        net.tellCredentials(to: .left)
        try net.tellCandidates(to: .left)
        net.tellCredentials(to: .right)
        try net.tellCandidates(to: .right)
        net.run(for: .seconds(60))
        #expect(net.agree)
        #expect(net.left.state == .connected)
        #expect(net.events[1].count == 4)
    }

    @Test("a restart moves the data to another address")
    func move() throws {
        let net = try connected()
        let elsewhere = TransportAddress(ip: .v4(0x0A00_0009), port: 5)
        net.network.block(Net.leftV4)
        _ = net.left.addLocalCandidate(host: elsewhere)
        net.run(for: .seconds(15))
        #expect(net.left.state == .disconnected)
        net.left.restart(now: net.clock.now)
        net.tellCredentials(to: .right)
        try net.tellCandidates(to: .right)
        net.tellCredentials(to: .left)
        try net.tellCandidates(to: .left)
        #expect(net.runUntilConnected(for: .seconds(5)))
        #expect(net.left.selectedPair?.local == elsewhere)
        #expect(net.agree)
    }

    @Test("a restart leads out of failure")
    func afterFailure() throws {
        let net = try connected()
        net.network.block(Net.leftV4)
        net.run(for: .seconds(40))
        #expect(net.left.state == .failed)
        #expect(net.right.state == .failed)
        net.network.unblock(Net.leftV4)
        net.left.restart(now: net.clock.now)
        #expect(net.left.state == .checking)
        net.tellCredentials(to: .right)
        try net.tellCandidates(to: .right)
        net.tellCredentials(to: .left)
        try net.tellCandidates(to: .left)
        #expect(net.runUntilConnected(for: .seconds(2)))
        #expect(net.agree)
    }

    @Test("the same credentials once more are no restart")
    func repeated() throws {
        let net = try connected()
        let ours = net.left.localCredentials
        net.tellCredentials(to: .left)
        #expect(net.left.localCredentials == ours)
        #expect(net.left.remoteCredentials != nil)
    }

    @Test("a candidate that names another generation waits for it")
    func candidateOfNextGeneration() throws {
        let net = try connected()
        let next = try #require(
            ICECredentials(usernameFragment: "next", password: String(repeating: "n", count: 24)))
        let address = TransportAddress(ip: .v4(0x0A00_0077), port: 7)
        var candidate = ICECandidate(host: address)
        candidate.extensions = [.init(name: "ufrag", value: "next")]
        net.left.addRemoteCandidate(candidate)
        #expect(!net.left.remoteCandidates.contains { $0.address == address })
        net.left.setRemoteCredentials(next)
        #expect(net.left.remoteCandidates.map(\.address) == [address])
    }

    @Test("a candidate of a generation that has passed is not checked")
    func candidateOfPastGeneration() throws {
        let net = Net()
        net.bind()
        net.tellCredentials(to: .left)
        var candidate = net.right.localCandidates[0]
        candidate.extensions = [.init(name: "ufrag", value: "past")]
        net.left.addRemoteCandidate(candidate)
        net.start()
        net.run(for: .seconds(5))
        #expect(net.network.sent == 0)
    }
}
