import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("ICE over TCP")
struct ICEStreamTests {
    private static let passive = TransportAddress(ip: ICETestNetwork.rightV4.ip, port: 7881)

    /// A client that opens connections, and a lite server that takes them beside UDP.
    private func stage(takesUDP: Bool = true, blocksUDP: Bool = true) throws -> ICETestNetwork {
        let stage = ICETestNetwork(right: ICEConfiguration(isLite: true))
        stage.bind(right: takesUDP ? [ICETestNetwork.rightV4] : [])
        stage.left.addActiveCandidate(isV6: false)
        let listens = stage.right.addPassiveCandidate(Self.passive)
        #expect(listens)
        if blocksUDP {
            stage.blocks = { $0.source == ICETestNetwork.leftV4 || $0.destination == ICETestNetwork.leftV4 }
        }
        try stage.signal()
        stage.start()
        return stage
    }

    private func streams(_ stage: ICETestNetwork) -> Int {
        stage.events[0].count { if case .openStream = $0 { true } else { false } }
    }

    @Test("where UDP is dropped TCP carries the data within half a second")
    func blockedUDP() throws {
        let stage = try stage()
        #expect(stage.runUntilConnected(for: .milliseconds(500)))
        #expect(stage.left.selectedPair?.remote == Self.passive)
        #expect(stage.agree)
    }

    @Test("where UDP passes no connection is opened")
    func openUDP() throws {
        let stage = try stage(blocksUDP: false)
        #expect(stage.runUntilConnected())
        stage.run(for: .seconds(60))
        #expect(stage.left.selectedPair?.remote == ICETestNetwork.rightV4)
        #expect(streams(stage) == 0)
    }

    @Test("a server that takes TCP alone is reached")
    func noUDP() throws {
        let stage = try stage(takesUDP: false)
        #expect(stage.runUntilConnected(for: .milliseconds(500)))
        #expect(stage.left.selectedPair?.remote == Self.passive)
    }

    @Test("UDP is taken back when it passes again, and the connection is closed")
    func backToUDP() throws {
        let stage = try stage()
        #expect(stage.runUntilConnected())
        stage.run(for: .seconds(40))
        #expect(stage.left.selectedPair?.remote == Self.passive)
        stage.blocks = { _ in false }
        #expect(stage.run(for: .seconds(20)) { $0.left.selectedPair?.remote == ICETestNetwork.rightV4 && $0.agree })
        let isClosed = stage.events[0].contains { if case .closeStream(_, Self.passive) = $0 { true } else { false } }
        #expect(isClosed)
        stage.run(for: .seconds(60))
        #expect(stage.agents.allSatisfy { $0.state == .connected })
    }

    @Test("the end of the connection in use is the end of the path, and a restart opens another one")
    func connectionLost() throws {
        let stage = try stage()
        #expect(stage.runUntilConnected())
        let first = try #require(stage.left.selectedPair)
        stage.left.streamClosed(from: first.local, to: first.remote, reason: "reset", now: stage.clock.now)
        #expect(stage.left.state == .failed)
        stage.left.restart(now: stage.clock.now)
        stage.right.restart(now: stage.clock.now)
        try stage.signal()
        #expect(stage.run(for: .seconds(2)) { $0.left.state == .connected })
        let second = try #require(stage.left.selectedPair)
        #expect(second.remote == first.remote && second.local != first.local)
        #expect(streams(stage) == 2)
    }

    @Test("a restart leaves the connection in use until another one takes over")
    func restart() throws {
        let stage = try stage()
        #expect(stage.runUntilConnected())
        let first = try #require(stage.left.selectedPair)
        stage.left.restart(now: stage.clock.now)
        #expect(stage.left.selectedPair! == first)
        stage.right.restart(now: stage.clock.now)
        try stage.signal()
        #expect(stage.run(for: .seconds(2)) { $0.left.selectedPair.map { $0.local != first.local } ?? false })
        #expect(stage.events[0].contains(.closeStream(from: first.local, to: first.remote)))
        #expect(stage.left.state == .connected)
    }

    @Test("what was tried and why it failed is told")
    func report() throws {
        let stage = try stage()
        stage.answersStream = (.milliseconds(5), "connection refused")
        stage.run(for: .seconds(4))
        #expect(
            Set(stage.left.report.map(\.text)) == [
                "UDP to 10.0.0.2:2000: no answer", "TCP to 10.0.0.2:7881: connection refused",
            ])
    }

    @Test("a server cannot have us connect to everybody")
    func manyCandidates() throws {
        let stage = try stage()
        for port in 1...40 as ClosedRange<UInt16> {
            stage.left.addRemoteCandidate(
                ICECandidate(
                    stream: TransportAddress(ip: .v4(0xC000_0201), port: port), .passive, index: Int(port)))
        }
        stage.answersStream = nil
        stage.run(for: .seconds(20))
        #expect(streams(stage) == ICEAgent.maximumRemoteStreams)
    }

    @Test("a listening socket at the address of a UDP socket is refused")
    func sameAddress() throws {
        let stage = try stage()
        let listens = stage.right.addPassiveCandidate(ICETestNetwork.rightV4)
        #expect(!listens)
    }

    @Test("active candidates of the peer, and other kinds, are of no use")
    func otherKinds() throws {
        let stage = try stage()
        for type in ["active", "so", ""] {
            let candidate = ICECandidate(
                stream: TransportAddress(ip: .v4(0xC000_0201), port: 9), .tcp(type: type), index: 0)
            let isTaken = stage.left.addRemoteCandidate(candidate)
            #expect(!isTaken)
        }
    }
}
