import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("ICE: a lite agent")
struct ICELiteTests {
    private func litePeer() -> ICETestPeer {
        ICETestPeer(configuration: ICEConfiguration(isLite: true), knowsCredentials: false)
    }

    @Test("it selects what is nominated, without knowing the peer's credentials")
    func nomination() {
        var peer = litePeer()
        peer.check(from: peer.addresses[0])
        #expect(peer.agent.selectedPair == nil)
        #expect(peer.agent.sendingPair?.remote == peer.addresses[0])
        #expect(peer.agent.isKnownRemote(peer.addresses[0]))
        peer.check(from: peer.addresses[0], isNominating: true)
        #expect(peer.agent.selectedPair?.remote == peer.addresses[0])
        #expect(peer.agent.state == .connected)
        #expect(peer.received.map(\.messageClass) == [.success, .success])
        #expect(peer.received.map(\.mappedAddress) == [peer.addresses[0], peer.addresses[0]])
    }

    @Test("a nomination before the start counts at the start")
    func beforeStart() {
        var agent = ICEAgent(
            configuration: ICEConfiguration(isLite: true), authentication: TestAuthentication.plain,
            random: SplitMix64(seed: 1))
        var peer = litePeer()
        _ = agent.addLocalCandidate(host: peer.base)
        peer.agent = agent
        peer.check(from: peer.addresses[0], isNominating: true)
        #expect(peer.agent.state == .new)
        peer.agent.start(now: .zero)
        #expect(peer.agent.state == .connected)
    }

    @Test("it never sends a check")
    func silence() {
        var peer = litePeer()
        peer.check(from: peer.addresses[0], isNominating: true)
        peer.received = []
        peer.advance(by: .seconds(25))
        #expect(peer.received.isEmpty)
        #expect(peer.agent.state == .disconnected)
    }

    @Test("it follows the first check from another address, whenever the last one came")
    func quickRebinding() {
        var peer = litePeer()
        peer.check(from: peer.addresses[0], isNominating: true)
        for address in peer.addresses.dropFirst() {
            peer.advance(by: .milliseconds(50))
            peer.check(from: address, isNominating: true)
            #expect(peer.agent.selectedPair?.remote == address)
        }
    }

    @Test("it follows a peer whose address changes")
    func rebinding() {
        var peer = litePeer()
        peer.check(from: peer.addresses[0], isNominating: true)
        for address in peer.addresses.dropFirst() {
            peer.advance(by: .seconds(3))
            peer.check(from: address, isNominating: true)
            #expect(peer.agent.selectedPair?.remote == address)
        }
    }

    @Test("it gives up when nobody comes")
    func nobody() {
        var peer = litePeer()
        peer.advance(by: .seconds(29))
        #expect(peer.agent.state == .checking)
        peer.advance(by: .seconds(2))
        #expect(peer.agent.state == .failed)
    }
}
