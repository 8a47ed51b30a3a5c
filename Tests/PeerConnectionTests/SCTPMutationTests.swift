import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("SCTP against damaged packets")
struct SCTPMutationTests {
    /// The packets of a session with everything in it: by whom, and the bytes.
    static func recording(seed: UInt64) throws -> [(isFromClient: Bool, bytes: [UInt8])] {
        let pair = session(seed: seed)
        var packets: [(Bool, [UInt8])] = []
        pair.drop = { isFromClient, packet in
            packets.append((isFromClient, packet.serialized()))
            return false
        }
        let reliable = try pair.client.open(label: "r", now: pair.now)
        let lossy = try pair.server.open(
            label: "l", reliability: .init(isOrdered: false, effort: .maximumRetransmissions(0)), now: pair.now)
        pair.run(.seconds(1))
        pair.network.conditions.loss = 0.2
        try pair.client.send(reliable, sctpPayload(20_000), now: pair.now)
        for _ in 0..<20 { try pair.server.send(lossy, sctpPayload(900), now: pair.now) }
        pair.run(.seconds(40))
        pair.client.close(reliable, now: pair.now)
        pair.run(.seconds(5))
        pair.client.shutdown(now: pair.now)
        pair.run(.seconds(10))
        return packets
    }

    /// Two connected muxes whose tags and TSNs depend on the seed alone.
    static func session(seed: UInt64) -> DataChannelPair {
        let pair = DataChannelPair(seed: seed, conditions: .init(delay: .milliseconds(1)))
        pair.start()
        pair.run(.milliseconds(20))
        return pair
    }

    @Test(
        "random damage, sealed again so that it is looked at, never traps and never wedges",
        arguments: 1...4 as ClosedRange<UInt64>)
    func damage(seed: UInt64) throws {
        let packets = try Self.recording(seed: seed)
        #expect(packets.count > 60)
        var random = SplitMix64(seed: seed)
        for _ in 0..<25 {
            let pair = Self.session(seed: seed)
            let id = try pair.client.open(label: "x", now: pair.now)
            for _ in 0..<40 {
                let packet = packets[Int.random(in: 0..<packets.count, using: &random)]
                let target = packet.isFromClient ? pair.server : pair.client
                let bytes = Self.damaged(packet.bytes, &random)
                target.receive(bytes.span.bytes, now: pair.now)
                // A copy of the whole packet, too, so that state moves on.
                if random.nextFraction() < 0.5 { target.receive(packet.bytes.span.bytes, now: pair.now) }
                try? pair.client.send(id, [1, 2, 3], now: pair.now)
                pair.run(.milliseconds(50))
            }
            pair.client.abort(now: pair.now)
            pair.server.abort(now: pair.now)
            pair.run(.seconds(1))
            #expect(pair.client.association.state == .closed && pair.server.association.state == .closed)
            #expect(pair.client.nextDeadline == nil && pair.server.nextDeadline == nil)
        }
    }

    /// Flips, cuts, inserts and repeats bytes behind the common header, then fixes the checksum.
    static func damaged(_ packet: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = packet
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard bytes.count > 16 else { break }
            let index = Int.random(in: 12..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(index...)
            case 3: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: index)
            case 4: bytes[index] = [0, 1, 0x7F, 0x80, 0xFF][Int.random(in: 0..<5, using: &random)]
            default: bytes += bytes[12...].prefix(2000)
            }
        }
        return SCTPPacketTests.resealed(bytes)
    }
}
