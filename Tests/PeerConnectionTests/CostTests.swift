import TestSupport
import Testing
import Wire

@testable import PeerConnection

/// Twice of what a peer may send is at most twice the work, whatever the order in which it comes. Work is counted in
/// steps, not in time.
@Suite("Cost of what a peer sends")
struct CostTests {
    private func fragment(_ index: Int, of count: Int) -> SCTPDataChunk {
        SCTPDataChunk(
            tsn: UInt32(index), stream: 0, sequenceNumber: 0, payloadProtocol: 53, isFirstFragment: index == 0,
            isLastFragment: index == count - 1, userData: [UInt8(truncatingIfNeeded: index)])
    }

    /// Steps to put a message together whose fragments come in this order.
    private func reassemblySteps(_ order: [Int]) throws -> Int {
        var reassembly = SCTPReassembly(maximumMessageSize: 65_536)
        var ready = FIFO<SCTPOutput>()
        for index in order { try reassembly.insert(fragment(index, of: order.count), into: &ready) }
        guard case .message(let message) = ready.popFirst() else {
            Issue.record("the message is not complete")
            return 0
        }
        #expect(message.payload == order.indices.map { UInt8(truncatingIfNeeded: $0) })
        return reassembly.steps
    }

    @Test(
        "fragments of a message, in order, backwards, and from both ends",
        arguments: ["in order", "backwards", "from both ends"])
    func fragments(arrival: String) throws {
        func order(_ count: Int) -> [Int] {
            switch arrival {
            case "in order": Array(0..<count)
            case "backwards": (0..<count).reversed()
            default: (0..<count).map { $0.isMultiple(of: 2) ? $0 / 2 : count - 1 - $0 / 2 }
            }
        }
        let (once, twice) = (try reassemblySteps(order(2000)), try reassemblySteps(order(4000)))
        #expect(twice <= 2 * once)
        #expect(once <= 3 * 2000)
    }

    /// Steps of giving up on one TSN after the other in front of so many fragments.
    private func skippingSteps(_ count: Int) throws -> Int {
        var reassembly = SCTPReassembly(maximumMessageSize: 65_536)
        var ready = FIFO<SCTPOutput>()
        for index in 0..<count {
            var chunk = fragment(index + 1, of: count + 2)
            chunk.tsn = UInt32(10_000 + index)
            try reassembly.insert(chunk, into: &ready)
        }
        for tsn in 0..<UInt32(count) {
            let forward = SCTPForwardTSNChunk(newCumulativeTSN: tsn + 1, skips: [])
            reassembly.skip(forward, after: tsn, into: &ready)
        }
        #expect(reassembly.heldBytes == count)
        let all = SCTPForwardTSNChunk(newCumulativeTSN: UInt32(10_000 + count), skips: [])
        reassembly.skip(all, after: UInt32(count), into: &ready)
        #expect(reassembly.heldBytes == 0)
        return reassembly.steps
    }

    @Test("a FORWARD TSN for each of many TSNs, while many fragments wait")
    func forwardTSNs() throws {
        let (once, twice) = (try skippingSteps(1000), try skippingSteps(2000))
        #expect(twice <= 2 * once)
    }

    /// Steps of skipping one number after the other of a stream on which so many messages wait.
    private func overtakingSteps(_ count: Int) throws -> Int {
        var reassembly = SCTPReassembly(maximumMessageSize: 65_536)
        var ready = FIFO<SCTPOutput>()
        for index in 0..<count {
            let chunk = SCTPDataChunk(
                tsn: UInt32(index), stream: 3, sequenceNumber: UInt16(5000 + index), payloadProtocol: 53, userData: [1])
            try reassembly.insert(chunk, into: &ready)
        }
        let skips = (0..<count).map { SCTPForwardTSNChunk.Skip(stream: 3, sequenceNumber: UInt16($0)) }
        let forward = SCTPForwardTSNChunk(newCumulativeTSN: UInt32(count), skips: skips)
        reassembly.skip(forward, after: UInt32(count - 1), into: &ready)
        return reassembly.steps
    }

    @Test("a FORWARD TSN that skips the same stream again and again, while many messages wait on it")
    func skippedNumbers() throws {
        let (once, twice) = (try overtakingSteps(1000), try overtakingSteps(2000))
        #expect(twice <= 2 * once)
    }

    @Test("TSNs with gaps in any order are known exactly, as by a set")
    func receivedTSNs() {
        var random = SplitMix64(seed: 5)
        var received = SCTPReceivedTSNs(cumulative: 0xFFFF_FF00)
        var known: Set<UInt32> = []
        for _ in 0..<3000 {
            let tsn = UInt32.random(in: 1...4000, using: &random) &+ 0xFFFF_FF00
            let isKnown = received.contains(tsn)
            #expect(isKnown == known.contains(tsn))
            guard !isKnown, received.isInSpan(tsn) else { continue }
            received.insert(tsn)
            known.insert(tsn)
        }
        let runs = received.runs
        #expect(zip(runs, runs.dropFirst()).allSatisfy { $1.first.isAfter($0.last &+ 1) })
    }

    @Test("of 20,000 trickled candidates those beyond the limit are not even read, and few are kept")
    func candidates() {
        let peer = TestPeer(1, port: 5001)
        var taken = 0
        for index in 0..<20_000 {
            let address = "198.51.\(index / 250).\(index % 250 + 1)"
            let text = "candidate:1 1 udp 1 \(address) 5000 typ host"
            if peer.connection.addRemoteCandidate(text, now: .zero) { taken += 1 }
        }
        #expect(peer.connection.transport.trickledCandidates == TransportSecurity.maximumTrickledCandidates)
        #expect(taken == ICEAgent.maximumRemoteCandidates)
    }

    @Test("a description with one feedback line for all codecs again and again is refused at a limit")
    func feedback() {
        let types = (0..<100).map(String.init).joined(separator: " ")
        let lines = (0..<20).map { "a=rtcp-fb:* f\($0)\r\n" }.joined()
        #expect(throws: SDPError.tooMany("feedback attributes of one codec")) {
            _ = try SessionDescription(parsing: "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF \(types)\r\n" + lines)
        }
    }

    @Test("a gap in the numbers costs a bounded list of missing packets")
    func missingPackets() {
        var requests = NACKGenerator()
        for index in 0..<20_000 {
            requests.receive(sequenceNumber: UInt16(truncatingIfNeeded: index * 3), now: .zero)
            #expect(requests.count <= NACKGenerator.maximumMissing)
        }
    }
}
