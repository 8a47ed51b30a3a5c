internal import PeerConnection
internal import TestSupport
internal import Wire

/// Single packets and texts of a peer connection: parsed, and written again where a writer is there.
enum PacketTargets {
    /// The fingerprint is put right, since nobody guesses a checksum.
    static func stun(_ input: [UInt8]) {
        for datagram in [input, withFingerprint(input)] {
            _ = STUNMessage.isSTUN(datagram.span.bytes)
            _ = STUNMessage.localUfragment(of: datagram.span.bytes)
            _ = PacketKind.classify(datagram.span.bytes)
            guard let message = try? STUNMessage(parsing: datagram.span.bytes) else { continue }
            let key: [UInt8] = [1, 2, 3]
            _ = message.hasValidIntegrity(in: datagram.span.bytes, key: key, authentication: authentication)
            let written = message.serialized(integrityKey: key, authentication: authentication)
            guard let again = try? STUNMessage(parsing: written.span.bytes) else {
                fatalError("a STUN message that was written cannot be read")
            }
            check(again.attributes == message.attributes, "STUN attributes change when they are written")
            check(
                again.hasValidIntegrity(in: written.span.bytes, key: key, authentication: authentication),
                "the integrity of a STUN message that was written is wrong")
        }
    }

    /// HMACs cost more than everything else; a sum of the right length will do.
    static let authentication = MessageAuthentication(
        hmacSHA1: { key, message in
            var sum = [UInt8](repeating: 7, count: 20)
            var place = 0
            for part in [key, message] {
                for byte in part {
                    sum[place] = sum[place] &* 31 &+ byte
                    place = place == 19 ? 0 : place + 1
                }
            }
            return sum
        },
        hmacSHA256: { key, message in
            [UInt8](repeating: UInt8(truncatingIfNeeded: key.count &+ message.count), count: 32)
        })

    private static func withFingerprint(_ input: [UInt8]) -> [UInt8] {
        guard input.count >= 20 else { return input }
        var datagram = input
        let length = input.count - 20 + 8
        datagram[2] = UInt8(truncatingIfNeeded: length >> 8)
        datagram[3] = UInt8(truncatingIfNeeded: length)
        let sum = Inflate.crc32(datagram) ^ 0x5354_554E
        datagram += [0x80, 0x28, 0, 4] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> UInt32($0)) }
        return datagram
    }

    /// The parts of an encrypted frame add up to it.
    static func sealedFrame(_ input: [UInt8]) {
        guard let frame = SealedFrame(input.span.bytes) else { return }
        check(frame.length >= SealedFrame.headerLength, "an encrypted frame has no header")
        check(
            frame.nonce + SealedFrame.trailerLength == input.count && frame.keyIndex == input[input.count - 1],
            "the parts of an encrypted frame do not add up")
    }

    /// The pieces in which a stream of datagrams comes make no difference.
    static func streamFraming(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let framing: StreamFraming = input.byte() & 1 == 0 ? .lengthPrefixed : .turn
        let pieces = input.pieces()
        let whole = datagrams([pieces.flatMap { $0 }], framing)
        check(whole == datagrams(pieces, framing), "pieces make a difference to a stream of datagrams")
        check(
            whole.reduce(0) { $0 + $1.count } <= pieces.reduce(0) { $0 + $1.count },
            "more datagrams came out than went in")
    }

    private static func datagrams(_ pieces: [[UInt8]], _ framing: StreamFraming) -> [[UInt8]] {
        var reader = StreamDatagrams(framing)
        var found: [[UInt8]] = []
        for piece in pieces {
            var offset = 0
            while let next = reader.next(piece.span.bytes, at: &offset) {
                switch next {
                case .range(let range): found.append(Array(piece[range]))
                case .whole(let datagram): found.append(datagram)
                case .invalid: return found
                }
            }
        }
        return found
    }

    static func iceCandidate(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        guard let candidate = try? ICECandidate(parsing: text) else { return }
        let again = try? ICECandidate(parsing: candidate.text)
        check(again == candidate, "an ICE candidate changes when it is written")
    }

    static func sdp(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        guard let description = try? SessionDescription(parsing: text) else { return }
        let written = description.serialized()
        guard let again = try? SessionDescription(parsing: written) else {
            fatalError("a session description that was written cannot be read: \(written)")
        }
        // What is equal is written alike; only what differs has to be written once more.
        check(
            again == description || again.serialized() == written,
            "a session description changes each time it is written")
    }

    static func rtp(_ input: [UInt8]) {
        let packet = input.span.bytes
        guard let header = RTPHeader(packet) else { return }
        for id in UInt8.min...20 { _ = header.element(id, of: packet) }
        let payload = header.payload(of: packet)
        if let red = REDPayload(payload) {
            var total = red.primary.bytes.byteCount
            for index in -1...red.redundantCount {
                if let block = red.redundant(index) { total += block.bytes.byteCount }
            }
            check(total <= payload.byteCount, "redundant frames overlap")
        }
        _ = OpusPacket(payload)
        var buffer = [UInt8](repeating: 0, count: 1500)
        let writer = RTPPacketWriter(
            marker: header.marker, payloadType: header.payloadType, sequenceNumber: header.sequenceNumber,
            timestamp: header.timestamp, ssrc: header.ssrc)
        let level = AudioLevel(byte: header.payloadType)
        let mid = Array(input.prefix(Int(header.payloadType & 0x1F)))
        let count = buffer.withMutableBytes {
            writer.write(
                into: &$0, payload: payload, audioLevel: (id: 3, level: level),
                mid: (id: header.payloadType, bytes: mid))
        }
        guard let count else { return }
        let written = buffer.span.bytes.extracting(0..<count)
        guard let again = RTPHeader(written) else { fatalError("an RTP packet that was written cannot be read") }
        check(
            again.payload(of: written).elementsEqual([UInt8](copying: payload)),
            "the payload changes when it is written")
    }

    static func rtcp(_ input: [UInt8]) {
        guard let packets = try? RTCPPacket.parse(compound: input.span.bytes) else { return }
        let written = RTCPPacket.serialize(packets)
        check(
            (try? RTCPPacket.parse(compound: written.span.bytes)) != nil, "RTCP that was written cannot be read")
    }

    /// The checksum is put right, since nobody guesses one.
    static func sctpPacket(_ input: [UInt8]) {
        let bytes = AssociationTarget.withChecksum(input)
        guard let packet = try? SCTPPacket(parsing: bytes.span.bytes) else { return }
        let written = packet.serialized()
        guard let again = try? SCTPPacket(parsing: written.span.bytes) else {
            fatalError("an SCTP packet that was written cannot be read")
        }
        check(again == packet, "an SCTP packet changes when it is written")
    }

    static func dataChannelOpen(_ input: [UInt8]) {
        guard let message = DataChannelOpenMessage(parsing: input.span.bytes) else { return }
        let written = message.serialized()
        check(
            DataChannelOpenMessage(parsing: written.span.bytes) == message,
            "DATA_CHANNEL_OPEN changes when it is written")
    }
}
