import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("End of an SCTP association")
struct SCTPEndTests {
    @Test("abort ends both ends at once")
    func abort() {
        let pair = SCTPPair.connected()
        pair.a.abort(now: pair.now)
        pair.run(.seconds(1))
        #expect(pair.eventsA.last == .closed(.closedLocally))
        #expect(pair.eventsB.last == .closed(.abortedByPeer(causes: [SCTPErrorCause.userInitiatedAbort])))
        #expect(pair.a.nextDeadline == nil && pair.b.nextDeadline == nil)
        #expect(throws: SCTPSendError.closed) { try pair.a.send([1], stream: 0, payloadProtocol: 53, now: pair.now) }
    }

    @Test("an end that missed the abort is told when it sends", arguments: [true, false])
    func missedAbort(sendsData: Bool) throws {
        let pair = SCTPPair.connected()
        pair.drop = { isFromA, _ in isFromA }
        pair.a.abort(now: pair.now)
        pair.drain()
        pair.drop = { _, _ in false }
        if sendsData { try pair.b.send([1], stream: 0, payloadProtocol: 53, now: pair.now) }
        pair.run(.seconds(60))
        #expect(pair.eventsB.last == .closed(.abortedByPeer(causes: [])))
    }

    @Test("shutdown delivers what is queued in both directions first", arguments: [0, 0.2])
    func shutdown(loss: Double) throws {
        let pair = SCTPPair.connected(seed: 8, conditions: .init(loss: loss))
        try pair.a.send(sctpPayload(50_000), stream: 0, payloadProtocol: 53, now: pair.now)
        try pair.b.send(sctpPayload(60_000), stream: 0, payloadProtocol: 53, now: pair.now)
        pair.a.shutdown(now: pair.now)
        #expect(throws: SCTPSendError.closed) { try pair.a.send([1], stream: 0, payloadProtocol: 53, now: pair.now) }
        pair.run(.seconds(120)) { pair.a.state == .closed && pair.b.state == .closed }
        #expect(pair.messagesB.first?.payload.count == 50_000)
        #expect(pair.messagesA.first?.payload.count == 60_000)
        #expect(pair.eventsA.last == .closed(.closedLocally))
        #expect(pair.eventsB.last == .closed(.closedByPeer))
    }

    @Test("shutdown from both ends at once ends both")
    func shutdownCollision() {
        let pair = SCTPPair.connected()
        pair.a.shutdown(now: pair.now)
        pair.b.shutdown(now: pair.now)
        pair.run(.seconds(10))
        #expect(pair.a.state == .closed && pair.b.state == .closed)
    }

    @Test("a peer that is gone is noticed, with data and without", arguments: [true, false])
    func unreachable(hasData: Bool) throws {
        let pair = SCTPPair.connected()
        pair.network.conditions.loss = 1
        if hasData { try pair.a.send([1], stream: 0, payloadProtocol: 53, now: pair.now) }
        pair.run(.seconds(120)) { pair.a.state == .closed }
        #expect(pair.eventsA.last == .closed(.peerUnreachable))
    }

    @Test("a second handshake with another tag inside an association ends it")
    func restart() {
        let pair = SCTPPair.connected()
        let foreign = SCTPPacket(
            sourcePort: 5000, destinationPort: 5000, verificationTag: 0,
            chunks: [
                .initiation(
                    SCTPInitChunk(
                        initiateTag: 77, advertisedWindow: 10_000, outboundStreams: 1, inboundStreams: 1,
                        initialTSN: 5, parameters: []))
            ])
        pair.a.receive(foreign.serialized().span.bytes, now: pair.now)
        pair.drain()
        #expect(pair.eventsA.last == .closed(.restartedByPeer))
    }
}
