import PeerConnection
import TestSupport
import Testing
import Wire

/// A peer that is written by hand, packet by packet.
private final class HandMadePeer {
    let association: SCTPAssociation
    let tag: UInt32 = 0x5000_0001
    let initialTSN: UInt32
    private(set) var associationTag: UInt32 = 0
    private(set) var associationTSN: UInt32 = 0
    private(set) var events: [SCTPOutput] = []
    /// Chunks that the association sent since the last look.
    private var sent: [SCTPChunk] = []
    var now = Instant.zero

    init(
        extensions: [SCTPParameter] = HandMadePeer.allExtensions, initialTSN: UInt32 = 100, window: UInt32 = 100_000,
        configuration: SCTPConfiguration = .init()
    ) {
        var random = SplitMix64(seed: 99)
        self.initialTSN = initialTSN
        association = SCTPAssociation(configuration: configuration, random: &random)
        receive(
            [
                .initiation(
                    SCTPInitChunk(
                        initiateTag: tag, advertisedWindow: window, outboundStreams: 65535, inboundStreams: 65535,
                        initialTSN: initialTSN, parameters: extensions))
            ], tag: 0)
        for case .initiationAck(let ack) in take() {
            associationTag = ack.initiateTag
            associationTSN = ack.initialTSN
            receive([.cookieEcho(ack.parameter(SCTPParameter.stateCookie) ?? [])])
        }
        _ = take()
    }

    static let allExtensions = [
        SCTPParameter(type: SCTPParameter.forwardTSNSupported, value: []),
        SCTPParameter(type: SCTPParameter.supportedExtensions, value: [130, 192]),
    ]

    func receive(_ chunks: [SCTPChunk], tag: UInt32? = nil) {
        let packet = SCTPPacket(
            sourcePort: 5000, destinationPort: 5000, verificationTag: tag ?? associationTag, chunks: chunks)
        association.receive(packet.serialized().span.bytes, now: now)
        drain()
    }

    func data(
        _ tsn: UInt32, stream: UInt16 = 0, number: UInt16 = 0, first: Bool = true, last: Bool = true,
        unordered: Bool = false, _ bytes: [UInt8] = [1]
    ) -> SCTPChunk {
        .data(
            SCTPDataChunk(
                tsn: tsn, stream: stream, sequenceNumber: number, payloadProtocol: 53, isUnordered: unordered,
                isFirstFragment: first, isLastFragment: last, userData: bytes))
    }

    func drain() {
        while let output = association.poll() {
            if case .transmit(let bytes) = output {
                sent += (try? SCTPPacket(parsing: bytes.span.bytes))?.chunks ?? []
            } else {
                events.append(output)
            }
        }
    }

    func take() -> [SCTPChunk] {
        drain()
        defer { sent = [] }
        return sent
    }

    func takeData() -> [SCTPDataChunk] {
        take().compactMap { if case .data(let chunk) = $0 { chunk } else { nil } }
    }

    func takeSack() -> SCTPSackChunk? {
        take().compactMap { if case .sack(let chunk) = $0 { chunk } else { nil } }.last
    }

    func timeout() {
        guard let deadline = association.nextDeadline else { return }
        now = max(now, deadline)
        association.handleTimeout(now: now)
        drain()
    }

    var messages: [[UInt8]] {
        events.compactMap { if case .message(let message) = $0 { message.payload } else { nil } }
    }
    var closeReason: SCTPCloseReason? {
        for case .closed(let reason) in events { return reason }
        return nil
    }
}

@Suite("SCTP against a peer made by hand")
struct SCTPHostilePeerTests {
    @Test("gaps and duplicates are reported at once, and in order data with every second packet")
    func sacks() {
        let peer = HandMadePeer()
        peer.receive([peer.data(100)])
        #expect(peer.takeSack() == nil)
        peer.receive([peer.data(101, number: 1)])
        #expect(peer.takeSack()?.cumulativeTSN == 101)
        peer.receive([peer.data(103, number: 3), peer.data(106, number: 6)])
        #expect(peer.takeSack()?.gapBlocks == [.init(start: 2, end: 2), .init(start: 5, end: 5)])
        peer.receive([peer.data(101, number: 1), peer.data(103, number: 3)])
        #expect(peer.takeSack()?.duplicateTSNs == [101, 103])
        peer.receive([peer.data(102, number: 2)])
        #expect(peer.takeSack()?.cumulativeTSN == 103)
        peer.receive([
            .forwardTSN(SCTPForwardTSNChunk(newCumulativeTSN: 105, skips: [.init(stream: 0, sequenceNumber: 5)]))
        ])
        #expect(peer.takeSack()?.cumulativeTSN == 106)
        #expect(peer.messages.count == 5)
        peer.receive([peer.data(107, number: 7)])
        #expect(peer.takeSack() == nil)
        peer.timeout()
        #expect(peer.now == .zero + .milliseconds(200))
        #expect(peer.takeSack()?.cumulativeTSN == 107)
    }

    @Test("fragments in any order make the message", arguments: 0..<24)
    func fragmentOrder(permutation: Int) {
        let peer = HandMadePeer(initialTSN: .max - 1)
        var rest: [UInt32] = [0, 1, 2, 3]
        var index = permutation
        while !rest.isEmpty {
            let offset = rest.remove(at: index % rest.count)
            index /= rest.count + 1
            peer.receive([
                peer.data(
                    peer.initialTSN &+ offset, first: offset == 0, last: offset == 3, unordered: permutation % 2 == 0,
                    [UInt8(offset)])
            ])
        }
        #expect(peer.messages == [[0, 1, 2, 3]])
    }

    @Test("fragments that contradict each other end the association")
    func contradiction() {
        let peer = HandMadePeer()
        peer.receive([peer.data(100, first: true, last: false), peer.data(101, first: true, last: true)])
        #expect(peer.closeReason == nil, "a message of another kind may be seen before the gap is closed")
        peer.receive([peer.data(102, first: true, last: false), peer.data(103, stream: 1, first: false, last: true)])
        #expect(peer.closeReason == .protocolViolation)
        #expect(peer.take().contains { if case .abort = $0 { true } else { false } })
    }

    @Test("empty user data, a message without end, and data beyond the window end the association")
    func violations() {
        let empty = HandMadePeer()
        empty.receive([empty.data(100, [])])
        #expect(empty.closeReason == .protocolViolation)

        var narrow = SCTPConfiguration()
        narrow.maximumReceiveMessageSize = 5000
        narrow.receiveWindow = 10_000
        let endless = HandMadePeer(configuration: narrow)
        for index in 0..<20 as Range<UInt32> {
            endless.receive([endless.data(100 + index, first: index == 0, last: false, sctpPayload(500))])
        }
        #expect(endless.closeReason == .messageTooLarge(limit: 5000))

        let tiny = HandMadePeer()
        for index in 0..<5000 as Range<UInt32> {
            tiny.receive([tiny.data(100 + index, first: index == 0, last: false)])
        }
        #expect(tiny.closeReason == .messageTooLarge(limit: 262_144))

        let ignorant = HandMadePeer(configuration: narrow)
        for index in 0..<200 as Range<UInt32> {
            ignorant.receive([ignorant.data(101 + index, number: UInt16(index + 1), sctpPayload(500))])
        }
        #expect(ignorant.association.statistics.refusedChunks == 180)
        #expect(ignorant.closeReason == nil)
        // In order, but behind a message that never comes: taken up to twice the window.
        ignorant.receive([ignorant.data(100, stream: 1)])
        for index in 0..<60 as Range<UInt32> {
            ignorant.receive([ignorant.data(121 + index, number: 21 + UInt16(index), sctpPayload(500))])
        }
        #expect(ignorant.closeReason == .protocolViolation)
    }

    @Test("messages whose predecessors never come are not collected for ever")
    func waiting() {
        let peer = HandMadePeer()
        var tsn = peer.initialTSN
        for _ in 0..<300 where peer.closeReason == nil {
            let chunks = (0..<80 as Range<UInt32>).map { offset in
                peer.data(tsn &+ offset, stream: UInt16(offset), number: UInt16(truncatingIfNeeded: tsn) | 1)
            }
            peer.receive(chunks)
            tsn &+= 80
        }
        #expect(peer.closeReason == .protocolViolation)
    }

    @Test("a TSN far ahead is refused, and nothing is remembered for it")
    func farAhead() {
        let peer = HandMadePeer()
        peer.receive([peer.data(100 + 8193), peer.data(100 &+ 1 << 30)])
        #expect(peer.association.statistics.refusedChunks == 2)
        #expect(peer.takeSack()?.gapBlocks == [])
    }

    @Test("SACKs for what was never sent, and with blocks out of order, are ignored")
    func wrongSacks() throws {
        let peer = HandMadePeer()
        try peer.association.send([1], stream: 0, payloadProtocol: 53, now: peer.now)
        let first = try #require(peer.takeData().first)
        peer.receive([.sack(SCTPSackChunk(cumulativeTSN: first.tsn &+ 1, advertisedWindow: 1000))])
        peer.receive([.sack(SCTPSackChunk(cumulativeTSN: first.tsn &+ 1 << 31, advertisedWindow: 1000))])
        let blocks = [SCTPSackChunk.GapBlock(start: 5, end: 9), .init(start: 2, end: 3)]
        peer.receive([.sack(SCTPSackChunk(cumulativeTSN: first.tsn, advertisedWindow: 1000, gapBlocks: blocks))])
        peer.receive([
            .sack(
                SCTPSackChunk(
                    cumulativeTSN: first.tsn &- 1, advertisedWindow: 1000, gapBlocks: [.init(start: 0, end: 65535)]))
        ])
        #expect(peer.association.bufferedAmount == 1)
        peer.receive([.sack(SCTPSackChunk(cumulativeTSN: first.tsn, advertisedWindow: 1000))])
        #expect(peer.association.bufferedAmount == 0)
    }

    @Test("a peer that takes back what it reported gets it again")
    func reneging() throws {
        let peer = HandMadePeer()
        for index in 0..<3 as Range<UInt8> {
            try peer.association.send([index] + sctpPayload(1100), stream: 0, payloadProtocol: 53, now: peer.now)
        }
        let first = try #require(peer.takeData().first)
        peer.receive([
            .sack(
                SCTPSackChunk(
                    cumulativeTSN: first.tsn &- 1, advertisedWindow: 50_000, gapBlocks: [.init(start: 2, end: 3)]))
        ])
        // The first arrives, but the peer has dropped the others meanwhile.
        peer.receive([.sack(SCTPSackChunk(cumulativeTSN: first.tsn, advertisedWindow: 50_000))])
        #expect(peer.takeData().map(\.tsn) == [first.tsn &+ 1, first.tsn &+ 2])
    }

    @Test("a peer without FORWARD TSN gets everything, however long it takes")
    func noForwardTSN() throws {
        let peer = HandMadePeer(extensions: [])
        try peer.association.send(
            [1], stream: 0, payloadProtocol: 53, reliability: .maximumRetransmissions(0), now: peer.now)
        let first = try #require(peer.takeData().first)
        for _ in 0..<3 {
            peer.timeout()
            #expect(peer.takeData().map(\.tsn) == [first.tsn])
        }
    }

    @Test("a peer without stream reset is not asked for one")
    func noReset() {
        let peer = HandMadePeer(extensions: [])
        peer.association.resetStreams([3], now: peer.now)
        #expect(peer.take().isEmpty)
        #expect(peer.events.last == .outgoingStreamsReset([3], isPerformed: false))
    }

    @Test("a message given up on after all its fragments so far arrived does not hold up its stream")
    func abandonedRest() throws {
        let peer = HandMadePeer(window: 3000)
        try peer.association.send(
            sctpPayload(10_000), stream: 4, payloadProtocol: 53, reliability: .lifetime(.milliseconds(50)),
            now: peer.now)
        let sent = peer.takeData()
        #expect(sent.count == 2)
        peer.now += .milliseconds(60)
        try peer.association.send([7], stream: 4, payloadProtocol: 53, now: peer.now)
        peer.receive([.sack(SCTPSackChunk(cumulativeTSN: sent[1].tsn, advertisedWindow: 3000))])
        let chunks = peer.take()
        let forward = chunks.compactMap { if case .forwardTSN(let chunk) = $0 { chunk } else { nil } }
        #expect(
            forward == [
                SCTPForwardTSNChunk(
                    newCumulativeTSN: sent[1].tsn &+ 1, skips: [.init(stream: 4, sequenceNumber: 0)])
            ])
        let next = chunks.compactMap { if case .data(let chunk) = $0 { chunk } else { nil } }
        #expect(next.map(\.sequenceNumber) == [1])
        #expect(next.map(\.tsn) == [sent[1].tsn &+ 2])
    }

    @Test("a reset that waits for data is answered as in progress, and performed when the data is there")
    func deferredReset() {
        let peer = HandMadePeer()
        let request = SCTPReconfigurationParameter.outgoingReset(
            requestSequence: 100, responseSequence: 0, lastTSN: 101, streams: [5])
        peer.receive([.reconfiguration([request])])
        #expect(peer.take() == [.reconfiguration([.response(responseSequence: 100, result: 6)])])
        peer.receive([peer.data(100, stream: 5), peer.data(101, stream: 5, number: 1)])
        #expect(peer.take().contains(.reconfiguration([.response(responseSequence: 100, result: 1)])))
        #expect(peer.events.suffix(1) == [.incomingStreamsReset([5])])
        peer.receive([.reconfiguration([request])])
        #expect(peer.take() == [.reconfiguration([.response(responseSequence: 100, result: 1)])])
        #expect(peer.events.count { $0 == .incomingStreamsReset([5]) } == 1)
        peer.receive([peer.data(102, stream: 5, number: 0, [42])])
        #expect(peer.messages.last == [42])
    }

    @Test("requests that we do not grant, and those that nobody waits for, are refused")
    func refusedRequests() {
        let peer = HandMadePeer()
        peer.receive([.reconfiguration([.associationReset(requestSequence: 100)])])
        #expect(peer.take() == [.reconfiguration([.response(responseSequence: 100, result: 2)])])
        peer.receive([.reconfiguration([.addOutgoingStreams(requestSequence: 101, count: 10)])])
        #expect(peer.take() == [.reconfiguration([.response(responseSequence: 101, result: 1)])])
        peer.receive([.reconfiguration([.incomingReset(requestSequence: 150, streams: [1])])])
        #expect(peer.take() == [.reconfiguration([.response(responseSequence: 150, result: 5)])])
        peer.receive([.reconfiguration([.incomingReset(requestSequence: 102, streams: [1])])])
        let reset = SCTPReconfigurationParameter.outgoingReset(
            requestSequence: peer.associationTSN, responseSequence: 102, lastTSN: peer.associationTSN &- 1, streams: [1]
        )
        #expect(
            peer.take() == [
                .reconfiguration([.response(responseSequence: 102, result: 1)]), .reconfiguration([reset]),
            ])
    }

    @Test("unknown chunks are skipped or end the packet, silently or not, as their upper bits say")
    func unknownChunks() {
        for (type, goesOn, isReported) in [
            (0x3F, false, false), (0x7F, false, true), (0xBF, true, false), (0xFF, true, true),
        ] as [(UInt8, Bool, Bool)] {
            let peer = HandMadePeer()
            peer.receive([.unknown(type: type, flags: 0, value: [1]), .heartbeat([0, 1, 0, 4])])
            let answers = peer.take()
            #expect(answers.contains(.heartbeatAck([0, 1, 0, 4])) == goesOn)
            let error = SCTPChunk.error(causes: [SCTPParameter(type: 6, value: [type, 0, 0, 5, 1, 0, 0, 0])])
            #expect(answers.contains(error) == isReported)
        }
    }

    @Test("unknown parameters of INIT are reported or not as their upper bits say")
    func unknownParameters() {
        var random = SplitMix64(seed: 1)
        let association = SCTPAssociation(configuration: .init(), random: &random)
        let chunk = SCTPInitChunk(
            initiateTag: 5, advertisedWindow: 5000, outboundStreams: 1, inboundStreams: 1, initialTSN: 0,
            parameters: [
                .init(type: 0x8001, value: [0, 0, 0, 1]), .init(type: 0xC0FF, value: [1]),
                .init(type: 0x4001, value: [2]), .init(type: 0xC0FE, value: [3]),
            ])
        let packet = SCTPPacket(
            sourcePort: 5000, destinationPort: 5000, verificationTag: 0, chunks: [.initiation(chunk)])
        association.receive(packet.serialized().span.bytes, now: .zero)
        guard case .transmit(let bytes) = association.poll(),
            case .initiationAck(let ack) = (try? SCTPPacket(parsing: bytes.span.bytes))?.chunks.first
        else {
            Issue.record("no INIT ACK")
            return
        }
        // The third says that nothing behind it may be looked at.
        let reported = ack.parameters.filter { $0.type == SCTPParameter.unrecognizedParameter }.map(\.value)
        #expect(reported == [[0xC0, 0xFF, 0, 5, 1], [0x40, 1, 0, 5, 2]])
    }

    @Test("packets with another tag or port, and an INIT in company, are dropped")
    func foreignPackets() {
        let peer = HandMadePeer()
        peer.receive([.abort(isTagReflected: false, causes: [])], tag: peer.associationTag &+ 1)
        peer.receive([.abort(isTagReflected: true, causes: [])], tag: peer.associationTag)
        let initiation = SCTPInitChunk(
            initiateTag: 9, advertisedWindow: 1, outboundStreams: 1, inboundStreams: 1, initialTSN: 1, parameters: [])
        peer.receive([.initiation(initiation), .cookieAck], tag: 0)
        #expect(peer.association.statistics.discardedPackets == 3)
        #expect(peer.association.state == .established)
        peer.receive([.abort(isTagReflected: true, causes: [])], tag: peer.tag)
        #expect(peer.closeReason == .abortedByPeer(causes: []))
    }
}
