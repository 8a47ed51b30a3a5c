internal import PeerConnection
internal import TestSupport
internal import Wire

/// Parts of a peer connection that live longer than a packet.
enum PeerTargets {
    /// Packets with times between them: 2 bytes of step in sequence, 2 of timestamp, 1 of time, 1 of length, the payload.
    static func jitterBuffer(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let buffer = JitterBuffer()
        var now = Instant.zero
        var sequence: UInt16 = 0
        var timestamp: UInt32 = 0
        let sink: (JitterBufferOutput) -> Void = { output in
            switch output {
            case .packet(_, let samples), .lost(let samples, _), .silence(let samples):
                check(samples >= 0, "less than no sound is released")
            }
        }
        while !input.isAtEnd {
            let kind = input.byte()
            sequence &+= UInt16(truncatingIfNeeded: Int(Int8(bitPattern: input.byte())) << Int(kind & 0x0F))
            timestamp &+= UInt32(truncatingIfNeeded: Int(Int8(bitPattern: input.byte())) * 120 << Int(kind >> 4))
            now = now + .milliseconds(Int64(input.byte()))
            let payload = input.bytes(Int(input.byte() & 0x0F))
            let packet = AudioPacket(
                sequenceNumber: sequence, timestamp: timestamp, marker: kind & 1 == 1, payload: payload.span.bytes)
            if kind & 0x03 == 3 {
                buffer.insertRedundant(packet, now: now, sink: sink)
            } else {
                buffer.insert(packet, now: now, sink: sink)
            }
            buffer.handleTimeout(now: now, sink: sink)
        }
        buffer.flush(sink: sink)
    }

    /// A session description as offer and as answer.
    static func negotiation(_ input: [UInt8]) {
        let parts = input.split(separator: 0xFF, maxSplits: 1, omittingEmptySubsequences: false)
        let texts = parts.map { String(decoding: $0, as: UTF8.self) }
        let answerer = peer()
        for text in texts {
            guard (try? answerer.acceptOffer(text, now: .zero)) != nil else { continue }
            guard let answer = try? answerer.createAnswer(now: .zero) else { continue }
            check((try? SessionDescription(parsing: answer)) != nil, "an answer that was written cannot be read")
        }
        answerer.close(now: .zero)
        let offerer = peer()
        _ = offerer.addAudioSection(direction: .sendReceive)
        _ = offerer.addDataSection()
        for text in texts {
            _ = try? offerer.createOffer(now: .zero)
            try? offerer.acceptAnswer(text, now: .zero)
            _ = offerer.addRemoteCandidate(text, now: .zero)
        }
        offerer.handleTimeout(now: .zero + .seconds(1))
        offerer.close(now: .zero + .seconds(1))
    }

    private static func peer() -> PeerConnection {
        let peer = PeerConnection(
            configuration: PeerConnectionConfiguration(), factory: NullTransportFactory(name: 1),
            authentication: TestAuthentication.plain, random: SplitMix64(seed: 1))
        _ = peer.addLocalCandidate(TransportAddress(ip: .loopbackV4, port: 1))
        return peer
    }
}
