import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("SCTP association")
struct SCTPAssociationTests {
    @Test("one end starts and both are connected")
    func handshake() {
        let pair = SCTPPair.connected()
        #expect(pair.eventsA == [.connected])
        #expect(pair.eventsB == [.connected])
        #expect(pair.a.outboundStreamCount == 65535)
    }

    @Test("crossing handshakes make one association", arguments: [0, 1, 2, 3, 4, 5, 6, 7] as [UInt64])
    func collision(seed: UInt64) {
        let pair = SCTPPair(
            seed: seed, conditions: .init(loss: 0.2, jitter: .milliseconds(30), duplication: 0.2))
        pair.a.start(now: pair.now)
        pair.b.start(now: pair.now)
        pair.run { pair.a.state == .established && pair.b.state == .established }
        #expect(pair.eventsA == [.connected])
        #expect(pair.eventsB == [.connected])
        try? pair.a.send([1], stream: 0, payloadProtocol: 53, now: pair.now)
        try? pair.b.send([2], stream: 0, payloadProtocol: 53, now: pair.now)
        #expect(pair.run { pair.messagesA.count == 1 && pair.messagesB.count == 1 })
    }

    @Test("a peer that never answers fails the handshake")
    func unanswered() {
        let pair = SCTPPair(conditions: .init(loss: 1))
        pair.a.start(now: pair.now)
        pair.run()
        #expect(pair.eventsA == [.closed(.handshakeFailed)])
        #expect(pair.a.nextDeadline == nil)
    }

    @Test("messages sent before the handshake is over arrive after it")
    func early() throws {
        let pair = SCTPPair()
        try pair.a.send([1, 2], stream: 5, payloadProtocol: 53, now: pair.now)
        pair.a.start(now: pair.now)
        #expect(pair.run { pair.messagesB.count == 1 })
        #expect(pair.messagesB == [SCTPMessage(stream: 5, payloadProtocol: 53, isUnordered: false, payload: [1, 2])])
    }

    @Test(
        "large messages arrive whole over a bad network",
        arguments: [(65_536, 0.0), (65_536, 0.1), (65_536, 0.3), (262_144, 0.0), (262_144, 0.1), (262_144, 0.3)])
    func large(size: Int, loss: Double) throws {
        let pair = SCTPPair.connected(
            seed: 3, conditions: .init(loss: loss, jitter: .milliseconds(20), duplication: 0.05))
        let ordered = sctpPayload(size, seed: 1)
        let unordered = sctpPayload(size, seed: 2)
        try pair.a.send(ordered, stream: 1, payloadProtocol: 53, now: pair.now)
        try pair.a.send(unordered, stream: 3, payloadProtocol: 53, isUnordered: true, now: pair.now)
        try pair.b.send(ordered, stream: 1, payloadProtocol: 51, now: pair.now)
        #expect(pair.run(.seconds(600)) { pair.messagesB.count == 2 && pair.messagesA.count == 1 })
        #expect(pair.messagesB.contains { $0.stream == 1 && $0.payload == ordered })
        #expect(pair.messagesB.contains { $0.stream == 3 && $0.payload == unordered && $0.isUnordered })
        #expect(pair.messagesA.first?.payload == ordered)
        pair.run(.seconds(20)) { pair.a.bufferedAmount == 0 }
        #expect(pair.a.bufferedAmount == 0)
        #expect(pair.a.bufferedAmount(stream: 1) == 0)
    }

    @Test("many small messages arrive once and in the order of their streams", arguments: [0, 0.1, 0.3])
    func small(loss: Double) throws {
        let pair = SCTPPair.connected(
            seed: 11, conditions: .init(loss: loss, jitter: .milliseconds(40), duplication: 0.1))
        for index in 0..<1500 {
            let bytes = [UInt8(index & 0xFF), UInt8(index >> 8)]
            try pair.a.send(bytes, stream: UInt16(index % 3), payloadProtocol: 53, now: pair.now)
        }
        #expect(pair.run(.seconds(600)) { pair.messagesB.count == 1500 })
        for stream in 0..<3 as Range<UInt16> {
            let numbers = pair.messagesB.filter { $0.stream == stream }.map {
                Int($0.payload[0]) | Int($0.payload[1]) << 8
            }
            #expect(numbers == Array(stride(from: Int(stream), to: 1500, by: 3)))
        }
        if loss == 0 { #expect(pair.packets.count < 400, "small messages share packets") }
    }

    @Test("a lossy unordered stream delivers what arrives and is never held up")
    func lossy() throws {
        let pair = SCTPPair.connected(seed: 5, conditions: .init(loss: 0.1))
        for index in 0..<500 {
            try pair.a.send(
                [UInt8(index & 0xFF), UInt8(index >> 8)] + sctpPayload(1000), stream: 2, payloadProtocol: 53,
                isUnordered: true, reliability: .maximumRetransmissions(0), now: pair.now)
            pair.run(.milliseconds(20))
        }
        pair.run(.seconds(30)) { pair.a.bufferedAmount == 0 }
        #expect(pair.a.bufferedAmount == 0)
        #expect(pair.messagesB.count > 400 && pair.messagesB.count < 490)
        // More may have arrived than the sender knows, when the last SACK was lost.
        #expect(pair.a.statistics.abandonedMessages >= 500 - pair.messagesB.count)
        #expect(pair.a.statistics.retransmittedChunks == 0)
    }

    @Test("an ordered stream goes on behind messages that were given up on")
    func abandonedOrdered() throws {
        let pair = SCTPPair.connected(seed: 6, conditions: .init(loss: 0.2, jitter: .milliseconds(5)))
        for index in 0..<300 {
            try pair.a.send(
                [UInt8(index & 0xFF), UInt8(index >> 8)] + sctpPayload(2000), stream: 2, payloadProtocol: 53,
                reliability: .maximumRetransmissions(1), now: pair.now)
            pair.run(.milliseconds(50))
        }
        pair.run(.seconds(60)) { pair.a.bufferedAmount == 0 }
        let numbers = pair.messagesB.map { Int($0.payload[0]) | Int($0.payload[1]) << 8 }
        #expect(numbers == numbers.sorted())
        #expect(Set(numbers).count == numbers.count)
        #expect(numbers.count > 200 && numbers.count < 300)
        #expect(pair.messagesB.allSatisfy { $0.payload.count == 2002 })
        // The window is whole again: nothing is left behind of what was given up on.
        try pair.a.send(sctpPayload(200_000), stream: 2, payloadProtocol: 53, now: pair.now)
        #expect(pair.run(.seconds(300)) { pair.messagesB.last?.payload.count == 200_000 })
    }

    @Test("a message with a lifetime is given up on when a part of it is under way")
    func lifetime() throws {
        let pair = SCTPPair.connected()
        try pair.a.send(
            sctpPayload(200_000), stream: 2, payloadProtocol: 53, reliability: .lifetime(.milliseconds(100)),
            now: pair.now)
        try pair.a.send([9], stream: 2, payloadProtocol: 53, now: pair.now)
        pair.network.conditions.delay = .milliseconds(80)
        #expect(pair.run { pair.messagesB.count == 1 })
        #expect(pair.messagesB.first?.payload == [9])
        pair.run(.seconds(5))
        #expect(pair.a.bufferedAmount == 0)
        #expect(pair.a.statistics.abandonedMessages == 1)
    }

    @Test("a single lost packet is sent again long before the timeout")
    func fastRetransmit() throws {
        let pair = SCTPPair.connected()
        var toLose = 1
        pair.drop = { isFromA, packet in
            guard isFromA, toLose > 0, case .data = packet.chunks.last else { return false }
            toLose -= 1
            return true
        }
        let start = pair.now
        try pair.a.send(sctpPayload(20_000), stream: 0, payloadProtocol: 53, now: pair.now)
        #expect(pair.run { pair.messagesB.count == 1 })
        #expect(pair.now - start < .milliseconds(300))
        #expect(pair.a.statistics.retransmittedChunks == 1)
    }

    @Test("a lost stream does not hold up another")
    func noHeadOfLine() throws {
        let pair = SCTPPair.connected()
        pair.drop = { isFromA, packet in
            isFromA && packet.chunks.contains { if case .data(let data) = $0 { data.stream == 1 } else { false } }
        }
        try pair.a.send(sctpPayload(1000), stream: 1, payloadProtocol: 53, now: pair.now)
        pair.drain()
        try pair.a.send([2], stream: 2, payloadProtocol: 53, now: pair.now)
        try pair.a.send([3], stream: 3, payloadProtocol: 53, isUnordered: true, now: pair.now)
        pair.run(.milliseconds(100))
        #expect(pair.messagesB.map(\.stream).sorted() == [2, 3])
    }

    @Test("everything that cannot be sent is refused with its reason")
    func refusals() throws {
        var small = SCTPConfiguration()
        small.sendBufferLimit = 1000
        let pair = SCTPPair.connected(configurationA: small)
        let now = pair.now
        pair.a.maximumSendMessageSize = 500
        #expect(throws: SCTPSendError.emptyMessage) {
            try pair.a.send([], stream: 0, payloadProtocol: 53, now: now)
        }
        #expect(throws: SCTPSendError.messageTooLarge(size: 501, limit: 500)) {
            try pair.a.send(sctpPayload(501), stream: 0, payloadProtocol: 53, now: now)
        }
        #expect(throws: SCTPSendError.streamOutOfRange(stream: 65535, count: 65535)) {
            try pair.a.send([1], stream: 65535, payloadProtocol: 53, now: now)
        }
        try pair.a.send(sctpPayload(500), stream: 0, payloadProtocol: 53, now: now)
        try pair.a.send(sctpPayload(500), stream: 0, payloadProtocol: 53, now: now)
        #expect(throws: SCTPSendError.bufferFull(buffered: 1000, limit: 1000)) {
            try pair.a.send([1], stream: 0, payloadProtocol: 53, now: now)
        }
        #expect(pair.a.bufferedAmount(stream: 0) == 1000)
        pair.run { pair.a.bufferedAmount == 0 }
        try pair.a.send([1], stream: 0, payloadProtocol: 53, now: pair.now)
    }

    @Test("a message beyond the announced size ends the association")
    func tooLarge() throws {
        var strict = SCTPConfiguration()
        strict.maximumReceiveMessageSize = 10_000
        let pair = SCTPPair.connected(configurationB: strict)
        pair.a.maximumSendMessageSize = 0
        try pair.a.send(sctpPayload(10_001), stream: 0, payloadProtocol: 53, now: pair.now)
        pair.run(.seconds(1))
        #expect(pair.eventsB.last == .closed(.messageTooLarge(limit: 10_000)))
        #expect(pair.eventsA.last == .closed(.abortedByPeer(causes: [SCTPErrorCause.protocolViolation])))
        #expect(pair.messagesB.isEmpty)
    }

    @Test("a full receive window stops the sender until the gap is filled")
    func windowExhaustion() throws {
        var narrow = SCTPConfiguration()
        narrow.maximumReceiveMessageSize = 4000
        narrow.receiveWindow = 20_000
        let pair = SCTPPair.connected(configurationB: narrow)
        var isLosing = true
        var firstTSN: UInt32?
        pair.drop = { isFromA, packet in
            guard isFromA, isLosing else { return false }
            return packet.chunks.contains { chunk in
                guard case .data(let data) = chunk else { return false }
                if firstTSN == nil { firstTSN = data.tsn }
                return data.tsn == firstTSN
            }
        }
        for index in 0..<100 {
            try pair.a.send([UInt8(index)] + sctpPayload(1100), stream: 0, payloadProtocol: 53, now: pair.now)
        }
        pair.run(.seconds(5))
        #expect(pair.messagesB.isEmpty)
        #expect(pair.b.statistics.refusedChunks == 0, "the sender obeys the window")
        isLosing = false
        #expect(pair.run { pair.messagesB.count == 100 })
        #expect(pair.messagesB.map { $0.payload[0] } == Array(0..<100))
    }

    @Test("a closed window is probed for as long as the peer answers")
    func zeroWindow() throws {
        let pair = SCTPPair.connected()
        // The peer's application, as it were, reads nothing: every SACK announces no room.
        pair.drop = { isFromA, packet in
            guard !isFromA else { return false }
            var closed = packet
            closed.chunks = packet.chunks.map { chunk in
                guard case .sack(var sack) = chunk else { return chunk }
                sack.advertisedWindow = 0
                return .sack(sack)
            }
            guard closed != packet else { return false }
            pair.network.send(closed.serialized(), from: SCTPPair.addressB, to: SCTPPair.addressA, now: pair.now)
            return true
        }
        try pair.a.send(sctpPayload(100_000), stream: 0, payloadProtocol: 53, now: pair.now)
        pair.run(.seconds(3))
        #expect(pair.messagesB.isEmpty)
        pair.drop = { _, _ in false }
        #expect(pair.run { pair.messagesB.count == 1 })
    }

    @Test("resetting a stream starts its numbers again at zero", arguments: [0, 0.2])
    func reset(loss: Double) throws {
        let pair = SCTPPair.connected(seed: 21, conditions: .init(loss: loss, jitter: .milliseconds(10)))
        for round in 0..<5 as Range<UInt8> {
            try pair.a.send(sctpPayload(5000), stream: 4, payloadProtocol: 53, now: pair.now)
            try pair.a.send([round], stream: 4, payloadProtocol: 53, now: pair.now)
            pair.a.resetStreams([4], now: pair.now)
            let expected = SCTPOutput.outgoingStreamsReset([4], isPerformed: true)
            let count = Int(round) + 1
            #expect(pair.run { pair.eventsA.count { $0 == expected } == count })
            #expect(pair.eventsB.count { $0 == .incomingStreamsReset([4]) } == count)
            #expect(pair.messagesB.count == 2 * count)
        }
        let numbers = pair.packets.flatMap { packet in
            (try? SCTPPacket(parsing: packet.bytes.span.bytes))?.chunks ?? []
        }.compactMap { if case .data(let data) = $0 { data.sequenceNumber } else { nil } }
        #expect(Set(numbers) == [0, 1])
    }

    @Test("an idle association only exchanges heartbeats")
    func heartbeat() {
        let pair = SCTPPair.connected()
        pair.run(.seconds(1))
        let before = pair.packets.count
        pair.run(.seconds(299))
        // Ten periods of 30 s, each end sends one heartbeat and answers one.
        #expect((36...44).contains(pair.packets.count - before))
        #expect(pair.a.state == .established)
    }

    @Test("an outage of twenty seconds is survived and soon made good")
    func outage() throws {
        let pair = SCTPPair.connected()
        pair.network.conditions.loss = 1
        try pair.a.send(sctpPayload(10_000), stream: 0, payloadProtocol: 53, now: pair.now)
        pair.run(.seconds(20))
        pair.network.conditions.loss = 0
        let back = pair.now
        #expect(pair.run { pair.messagesB.count == 1 })
        #expect(pair.now - back < .seconds(4))
    }

    /// Hands out its numbers in turn.
    struct Fixed: RandomNumberGenerator {
        var numbers: [UInt64]
        mutating func next() -> UInt64 {
            numbers.append(numbers[0])
            return numbers.removeFirst()
        }
    }

    @Test("TSNs pass the end of their numbers", arguments: [0, 0.2])
    func tsnWrap(loss: Double) throws {
        var random = Fixed(numbers: [1 << 40 | 77, 0xFFFF_FFF0, 1, 2 << 40 | 99, 0xFFFF_FFFF, 2])
        let pair = SCTPPair(
            seed: 3, conditions: .init(loss: loss, jitter: .milliseconds(20)), configurationA: .init(),
            configurationB: .init(), random: &random)
        pair.a.start(now: pair.now)
        for index in 0..<100 as Range<UInt8> {
            try pair.a.send([index] + sctpPayload(600), stream: 0, payloadProtocol: 53, now: pair.now)
            let effort: SCTPReliability = index % 2 == 0 ? .reliable : .maximumRetransmissions(0)
            try pair.b.send(
                [index] + sctpPayload(600), stream: 0, payloadProtocol: 53, reliability: effort, now: pair.now)
        }
        pair.run(.seconds(300)) { pair.a.bufferedAmount == 0 && pair.b.bufferedAmount == 0 }
        #expect(pair.messagesB.map { $0.payload[0] } == Array(0..<100))
        let lossy = pair.messagesA.map { $0.payload[0] }
        #expect(lossy == lossy.sorted() && lossy.filter { $0 % 2 == 0 }.count == 50)
        let numbers = pair.packets.filter(\.isFromA).flatMap { packet in
            (try? SCTPPacket(parsing: packet.bytes.span.bytes))?.chunks ?? []
        }.compactMap { if case .data(let data) = $0 { data.tsn } else { nil } }
        #expect(numbers.contains(0xFFFF_FFF0) && numbers.contains(83))
    }

    @Test("sequence numbers of a stream pass the end of theirs")
    func sequenceWrap() throws {
        let pair = SCTPPair.connected(conditions: .init(delay: .milliseconds(1)))
        var sent = 0
        while sent < 66_000 {
            for _ in 0..<2000 {
                try pair.a.send([UInt8(sent & 0xFF)], stream: 0, payloadProtocol: 53, now: pair.now)
                sent += 1
            }
            pair.run { pair.a.bufferedAmount == 0 }
        }
        #expect(pair.messagesB.count == sent)
        #expect(pair.messagesB.enumerated().allSatisfy { $0.element.payload[0] == UInt8($0.offset & 0xFF) })
    }
}
