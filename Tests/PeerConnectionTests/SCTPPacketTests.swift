import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("SCTP packets")
struct SCTPPacketTests {
    @Test(
        "the checksum agrees with the vectors of RFC 3720 appendix B.4",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283), ([], 0),
        ] as [([UInt8], UInt32)])
    func checksum(bytes: [UInt8], expected: UInt32) {
        #expect(SCTPChecksum.compute(bytes.span.bytes) == expected)
    }

    static let samples: [SCTPChunk] = [
        .data(SCTPDataChunk(tsn: 7, stream: 3, sequenceNumber: 9, payloadProtocol: 53, userData: [1, 2, 3, 4, 5])),
        .data(
            SCTPDataChunk(
                tsn: .max, stream: 1, sequenceNumber: 0, payloadProtocol: 51, isUnordered: true,
                isFirstFragment: false, isLastFragment: false, isImmediate: true, userData: [1])),
        .initiationAck(
            SCTPInitChunk(
                initiateTag: 1, advertisedWindow: 2, outboundStreams: 3, inboundStreams: 4, initialTSN: 5,
                parameters: [.init(type: 7, value: [1, 2, 3]), .init(type: 0x8008, value: [130, 192])])),
        .sack(
            SCTPSackChunk(
                cumulativeTSN: 1, advertisedWindow: 2, gapBlocks: [.init(start: 2, end: 3)], duplicateTSNs: [9, 10])),
        .heartbeat([0, 1, 0, 5, 9]), .heartbeatAck([0, 1, 0, 4]),
        .abort(isTagReflected: true, causes: [.init(type: 12, value: [65])]), .shutdown(cumulativeTSN: 4),
        .shutdownAck, .error(causes: [.init(type: 6, value: [255, 0, 0, 4])]), .cookieEcho([1, 2, 3]), .cookieAck,
        .shutdownComplete(isTagReflected: false),
        .reconfiguration([
            .outgoingReset(requestSequence: 1, responseSequence: 2, lastTSN: 3, streams: [4]),
            .response(responseSequence: 5, result: 1), .incomingReset(requestSequence: 6, streams: [7, 8]),
            .addOutgoingStreams(requestSequence: 9, count: 10), .associationReset(requestSequence: 11),
            .addIncomingStreams(requestSequence: 12, count: 13),
        ]), .forwardTSN(SCTPForwardTSNChunk(newCumulativeTSN: 8, skips: [.init(stream: 1, sequenceNumber: 2)])),
        .unknown(type: 0xC7, flags: 1, value: [1, 2]),
    ]

    @Test("every chunk comes back from its bytes", arguments: samples)
    func roundTrip(chunk: SCTPChunk) throws {
        let packet = SCTPPacket(
            sourcePort: 5000, destinationPort: 5001, verificationTag: 0xDEAD_BEEF, chunks: [chunk, .cookieAck])
        #expect(try SCTPPacket(parsing: packet.serialized().span.bytes) == packet)
    }

    @Test("a flipped bit anywhere is a wrong checksum")
    func corruption() {
        let bytes = SCTPPacket(
            sourcePort: 1, destinationPort: 2, verificationTag: 3, chunks: [Self.samples[0]]
        ).serialized()
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: SCTPPacketError.wrongChecksum) { try SCTPPacket(parsing: damaged.span.bytes) }
        }
    }

    @Test("every truncation of a packet is an error, or the packet without its last chunks")
    func truncation() {
        let whole = SCTPPacket(sourcePort: 1, destinationPort: 2, verificationTag: 3, chunks: Self.samples)
        let bytes = whole.serialized()
        for length in 0..<bytes.count {
            let part = Self.resealed(Array(bytes[..<length]))
            guard let parsed = try? SCTPPacket(parsing: part.span.bytes) else { continue }
            #expect(parsed.chunks.count <= whole.chunks.count)
        }
    }

    /// The same bytes with a right checksum.
    static func resealed(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= 12 else { return bytes }
        var bytes = bytes
        let checksum = SCTPChecksum.ofPacket(bytes.span.bytes)
        for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
        return bytes
    }
}
