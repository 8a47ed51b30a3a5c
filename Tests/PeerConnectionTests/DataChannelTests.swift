import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("Data channels")
struct DataChannelTests {
    @Test("the client opens even streams and the server odd ones, and both ends hear of all")
    func opening() throws {
        let pair = DataChannelPair()
        let first = try pair.client.open(label: "_reliable", now: pair.now)
        let second = try pair.client.open(
            label: "_lossy", reliability: .init(isOrdered: false, effort: .maximumRetransmissions(0)), now: pair.now)
        let third = try pair.server.open(label: "back", subprotocol: "p", now: pair.now)
        pair.start()
        #expect(pair.run { pair.clientEvents.count == 4 && pair.serverEvents.count == 4 })
        #expect(pair.client.information(first)?.stream == 0)
        #expect(pair.client.information(second)?.stream == 2)
        #expect(pair.server.information(third)?.stream == 1)
        #expect(pair.clientEvents.contains(.channelOpened(first, label: "_reliable", isRemote: false)))
        #expect(pair.serverEvents.contains(.channelOpened(third, label: "back", isRemote: false)))
        let remote = try #require(pair.serverID("_lossy"))
        let information = try #require(pair.server.information(remote))
        #expect(information.isRemote)
        #expect(information.reliability == .init(isOrdered: false, effort: .maximumRetransmissions(0)))
    }

    @Test("messages may be sent before the role is known and arrive after the announcement", arguments: [0, 0.2])
    func early(loss: Double) throws {
        let pair = DataChannelPair(seed: 4, conditions: .init(loss: loss, jitter: .milliseconds(30)))
        let id = try pair.client.open(label: "x", reliability: .init(isOrdered: false), now: pair.now)
        try pair.client.send(id, [1], now: pair.now)
        #expect(pair.client.bufferedAmount(id) == 1)
        pair.start()
        try pair.client.send(id, [2], now: pair.now)
        #expect(pair.run { pair.serverMessages.count == 2 })
        #expect(pair.server.ignoredMessages == 0)
        #expect(pair.serverMessages == [[1], [2]])
        let opened = pair.serverEvents.firstIndex { if case .channelOpened = $0 { true } else { false } }
        let message = pair.serverEvents.firstIndex { if case .message = $0 { true } else { false } }
        #expect(try #require(opened) < #require(message))
    }

    @Test("text, binary and empty messages keep their kind")
    func kinds() throws {
        let pair = DataChannelPair()
        let id = try pair.client.open(label: "k", now: pair.now)
        pair.start()
        try pair.client.send(id, Array("grüß".utf8), isText: true, now: pair.now)
        try pair.client.send(id, [0, 255], now: pair.now)
        try pair.client.send(id, [], isText: true, now: pair.now)
        try pair.client.send(id, [], now: pair.now)
        #expect(pair.run { pair.serverMessages.count == 4 })
        let remote = try #require(pair.serverID("k"))
        #expect(
            Array(pair.serverEvents.suffix(4)) == [
                .message(remote, Array("grüß".utf8), isText: true), .message(remote, [0, 255], isText: false),
                .message(remote, [], isText: true), .message(remote, [], isText: false),
            ])
    }

    @Test("the peer that accepted a channel answers on it")
    func bidirectional() throws {
        let pair = DataChannelPair()
        let id = try pair.client.open(label: "both", now: pair.now)
        pair.start()
        pair.run { pair.serverID("both") != nil }
        let remote = try #require(pair.serverID("both"))
        try pair.server.send(remote, [5], now: pair.now)
        #expect(pair.run { pair.clientEvents.contains(.message(id, [5], isText: false)) })
    }

    @Test("closing delivers what was sent, ends both ends, and frees the stream", arguments: [0, 0.1, 0.3])
    func closing(loss: Double) throws {
        let pair = DataChannelPair(seed: 9, conditions: .init(loss: loss, jitter: .milliseconds(20), duplication: 0.1))
        pair.start()
        for round in 1...6 {
            let id = try pair.client.open(label: "round \(round)", now: pair.now)
            #expect(pair.client.information(id)?.stream == 0)
            try pair.client.send(id, sctpPayload(30_000), now: pair.now)
            pair.run(.seconds(120)) { pair.serverID("round \(round)") != nil }
            let remote = try #require(pair.serverID("round \(round)"))
            // Either end may begin, or both at once.
            if round % 3 != 1 { pair.server.close(remote, now: pair.now) }
            if round % 3 != 2 { pair.client.close(id, now: pair.now) }
            #expect(throws: DataChannelError.channelClosed) {
                try (round % 3 == 2 ? pair.server : pair.client).send(
                    round % 3 == 2 ? remote : id, [1], now: pair.now)
            }
            #expect(
                pair.run(.seconds(120)) {
                    pair.clientEvents.contains(.channelClosed(id)) && pair.serverEvents.contains(.channelClosed(remote))
                })
            #expect(pair.serverMessages.count == round)
            #expect(pair.client.information(id) == nil)
        }
    }

    @Test("a lossy channel goes on without what was lost, beside a reliable one that loses nothing")
    func lossy() throws {
        let pair = DataChannelPair(seed: 31, conditions: .init(loss: 0.1, jitter: .milliseconds(10)))
        let reliable = try pair.client.open(label: "_reliable", now: pair.now)
        let lossy = try pair.client.open(
            label: "_lossy", reliability: .init(isOrdered: false, effort: .maximumRetransmissions(0)), now: pair.now)
        pair.start()
        pair.run { pair.clientEvents.count >= 3 }
        for index in 0..<200 as Range<UInt8> {
            try pair.client.send(reliable, [0, index], now: pair.now)
            try pair.client.send(lossy, [1, index] + sctpPayload(1150), now: pair.now)
            pair.run(.milliseconds(20))
        }
        pair.run(.seconds(30)) { pair.client.bufferedAmount == 0 }
        #expect(pair.serverMessages.filter { $0[0] == 0 }.map { $0[1] } == Array(0..<200))
        let arrived = pair.serverMessages.count { $0[0] == 1 }
        #expect(arrived > 150 && arrived < 200)
    }

    @Test("the owner is told when a full channel has drained to its threshold")
    func lowThreshold() throws {
        let pair = DataChannelPair()
        let id = try pair.client.open(label: "b", now: pair.now)
        pair.start()
        pair.run { pair.clientEvents.count == 2 }
        pair.client.setBufferedAmountLowThreshold(id, 10_000)
        for _ in 0..<10 { try pair.client.send(id, sctpPayload(10_000), now: pair.now) }
        #expect(pair.client.bufferedAmount(id) == 100_000)
        #expect(pair.run { pair.clientEvents.contains(.bufferedAmountLow(id)) })
        #expect(pair.client.bufferedAmount(id) <= 10_000)
        pair.run(.seconds(10))
        #expect(pair.clientEvents.count { $0 == .bufferedAmountLow(id) } == 1)
    }

    @Test("messages up to the largest size pass, one byte more is refused with the limit")
    func largest() throws {
        let pair = DataChannelPair()
        pair.client.maximumSendMessageSize = 262_144
        let id = try pair.client.open(label: "big", now: pair.now)
        pair.start()
        try pair.client.send(id, sctpPayload(262_144), now: pair.now)
        #expect(throws: DataChannelError.messageTooLarge(size: 262_145, limit: 262_144)) {
            try pair.client.send(id, sctpPayload(262_145), now: pair.now)
        }
        #expect(pair.run { pair.serverMessages.count == 1 })
        #expect(pair.serverMessages.first == sctpPayload(262_144))
    }

    @Test("channels beyond the limit are refused on both sides")
    func limits() throws {
        var few = DataChannelMux.Configuration()
        few.maximumChannels = 2
        let pair = DataChannelPair(server: few)
        let ids = try (0..<3).map { try pair.client.open(label: "\($0)", now: pair.now) }
        pair.start()
        #expect(pair.run { pair.clientEvents.contains(.channelClosed(ids[2])) || pair.server.ignoredMessages > 0 })
        #expect(throws: DataChannelError.tooManyChannels(limit: 2)) {
            try pair.server.open(label: "more", now: pair.now)
        }
        #expect(throws: DataChannelError.textTooLong(length: 1025, limit: 1024)) {
            try pair.client.open(label: String(repeating: "x", count: 1025), now: pair.now)
        }
        // The refused channel closes on the side that wanted it.
        #expect(pair.run(.seconds(5)) { pair.clientEvents.contains(.channelClosed(ids[2])) })
    }

    @Test("the end of the association closes all channels first")
    func associationEnd() throws {
        let pair = DataChannelPair()
        let id = try pair.client.open(label: "e", now: pair.now)
        pair.start()
        pair.run { pair.serverID("e") != nil }
        let remote = try #require(pair.serverID("e"))
        pair.client.abort(now: pair.now)
        pair.run(.seconds(1))
        #expect(pair.clientEvents.suffix(2) == [.channelClosed(id), .associationClosed(.closedLocally)])
        let causes = [SCTPErrorCause.userInitiatedAbort]
        #expect(
            pair.serverEvents.suffix(2) == [
                .channelClosed(remote), .associationClosed(.abortedByPeer(causes: causes)),
            ])
        #expect(throws: DataChannelError.associationClosed) { try pair.client.open(label: "late", now: pair.now) }
    }

    @Test("unknown payload protocols and streams without a channel are counted and ignored")
    func unknown() throws {
        let pair = DataChannelPair()
        pair.start()
        pair.run { pair.clientEvents.count == 1 }
        for (stream, payloadProtocol) in [(4, 53), (4, 99), (4, 50), (6, 51)] as [(UInt16, UInt32)] {
            try pair.client.association.send([9], stream: stream, payloadProtocol: payloadProtocol, now: pair.now)
        }
        #expect(pair.run { pair.server.ignoredMessages == 4 })
        #expect(pair.serverEvents == [.associationConnected])
    }

    @Test("an announcement comes back from its bytes; each truncation is refused")
    func openMessage() throws {
        for effort in [SCTPReliability.reliable, .maximumRetransmissions(3), .lifetime(.milliseconds(500))] {
            for isOrdered in [true, false] {
                let open = DataChannelOpenMessage(
                    label: "lábel", subprotocol: "sub", reliability: .init(isOrdered: isOrdered, effort: effort),
                    priority: 256)
                let bytes = open.serialized()
                #expect(DataChannelOpenMessage(parsing: bytes.span.bytes) == open)
                for length in 0..<bytes.count {
                    let part = Array(bytes[..<length])
                    #expect(DataChannelOpenMessage(parsing: part.span.bytes) == nil)
                }
            }
        }
    }
}
