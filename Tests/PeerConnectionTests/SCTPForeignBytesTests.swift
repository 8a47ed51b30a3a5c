import PeerConnection
import Testing
import Wire

/// Packets that aiortc 1.16.0 made.
@Suite("SCTP packets of another implementation")
struct SCTPForeignBytesTests {
    static let packets: [(hex: String, chunk: SCTPChunk)] = [
        (
            "1388138800000000 8dd5a1a5 0100001e0a0b0c0d00100000fffffffffffffffec000000480080006c0820000",
            .initiation(initiation([]))
        ),
        (
            "1388138812345678 e31f8820 0200003c0a0b0c0d00100000fffffffffffffffec000000480080006c0820000"
                + "0007001c000102030405060708090a0b0c0d0e0f1011121314151617",
            .initiationAck(initiation([SCTPParameter(type: 7, value: Array(0..<24))]))
        ),
        (
            "1388138812345678 842d0729 0a00001c000102030405060708090a0b0c0d0e0f1011121314151617",
            .cookieEcho(Array(0..<24))
        ),
        ("1388138812345678 6742a804 0b000004", .cookieAck),
        (
            "1388138812345678 18ac432e 00030022fffffffe00020000000000320381000000000000000600005f6c6f7373790000",
            .data(
                SCTPDataChunk(
                    tsn: 0xFFFF_FFFE, stream: 2, sequenceNumber: 0, payloadProtocol: 50,
                    userData: DataChannelOpenMessage(
                        label: "_lossy", reliability: .init(isOrdered: false, effort: .maximumRetransmissions(0))
                    ).serialized()))
        ),
        (
            "1388138812345678 d764736e 000600170000000100010000000000356162636465663100",
            .data(
                SCTPDataChunk(
                    tsn: 1, stream: 1, sequenceNumber: 0, payloadProtocol: 53, isUnordered: true,
                    isLastFragment: false, userData: Array("abcdef1".utf8)))
        ),
        (
            "1388138812345678 8013d2ce 0300001c000000640001000000020001000200030005000900000063",
            .sack(
                SCTPSackChunk(
                    cumulativeTSN: 100, advertisedWindow: 65536,
                    gapBlocks: [.init(start: 2, end: 3), .init(start: 5, end: 9)], duplicateTSNs: [99]))
        ),
        (
            "1388138812345678 7d15f7c7 c000001000000007000100020003ffff",
            .forwardTSN(
                SCTPForwardTSNChunk(
                    newCumulativeTSN: 7,
                    skips: [.init(stream: 1, sequenceNumber: 2), .init(stream: 3, sequenceNumber: 65535)]))
        ),
        (
            "1388138812345678 0154b4da 8200001a000d00160000000a000000140000001e0001000300050000",
            .reconfiguration([
                .outgoingReset(requestSequence: 10, responseSequence: 20, lastTSN: 30, streams: [1, 3, 5])
            ])
        ),
        (
            "1388138812345678 a08a6839 820000100010000c0000000a00000001",
            .reconfiguration([.response(responseSequence: 10, result: 1)])
        ),
        (
            "1388138812345678 5abcc390 0400000d000100090102030405000000",
            .heartbeat([0, 1, 0, 9, 1, 2, 3, 4, 5])
        ),
        (
            "1388138812345678 4d07c041 0600000b000c000762796500",
            .abort(isTagReflected: false, causes: [SCTPParameter(type: 12, value: Array("bye".utf8))])
        ),
        ("1388138812345678 6300dd08 0700000800000005", .shutdown(cumulativeTSN: 5)),
        ("1388138812345678 5ecb8a66 08000004", .shutdownAck),
        ("1388138812345678 2cd9cfa2 0e000004", .shutdownComplete(isTagReflected: false)),
        (
            "1388138812345678 9d0484b4 090000100003000c0000000000000000",
            .error(causes: [SCTPParameter(type: 3, value: [UInt8](repeating: 0, count: 8))])
        ),
    ]

    private static func initiation(_ more: [SCTPParameter]) -> SCTPInitChunk {
        SCTPInitChunk(
            initiateTag: 0x0A0B_0C0D, advertisedWindow: 1_048_576, outboundStreams: 65535, inboundStreams: 65535,
            initialTSN: 0xFFFF_FFFE,
            parameters: [SCTPParameter(type: 0xC000, value: []), SCTPParameter(type: 0x8008, value: [192, 130])] + more)
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    @Test("are understood, and ours for the same chunks are the same bytes", arguments: 0..<16)
    func bothWays(index: Int) throws {
        let bytes = Self.bytes(Self.packets[index].hex)
        let packet = try SCTPPacket(parsing: bytes.span.bytes)
        #expect(packet.sourcePort == 5000 && packet.destinationPort == 5000)
        #expect(packet.chunks == [Self.packets[index].chunk])
        #expect(packet.serialized() == bytes)
    }

    @Test("cut off anywhere and sealed again, are an error or a shorter packet, and never a trap", arguments: 0..<16)
    func truncation(index: Int) {
        let bytes = Self.bytes(Self.packets[index].hex)
        for length in 0..<bytes.count {
            let part = SCTPPacketTests.resealed(Array(bytes[..<length]))
            guard let parsed = try? SCTPPacket(parsing: part.span.bytes) else { continue }
            // What is left whole is the chunk without its padding.
            #expect(bytes.count - length < 4)
            #expect(parsed.chunks.count == 1)
        }
    }
}
