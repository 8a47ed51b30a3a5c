internal import Wire

/// Sound out. Nothing here allocates once a stream runs.
extension RTPStreams {
    /// A packet that was written and has yet to be protected and sent.
    struct OutgoingPacket {
        fileprivate let sender: RTPSender
        fileprivate let numbers: Numbers
        fileprivate let payloadLength: Int
        /// Bytes of the whole packet.
        let length: Int
    }

    typealias Numbers = (sequence: UInt16, timestamp: UInt32, marker: Bool)

    /// Writes one Opus packet of our own into `room`: encrypted where the section has a sealer, or else as redundant audio where
    /// the peer has agreed to it.
    /// - Parameter timestamp: the caller's media clock in samples at 48 kHz.
    /// - Returns: nil if the section does not send (yet), or the payload is no Opus packet, or too long.
    func write(
        _ payload: RawSpan, on index: Int, timestamp: UInt32, audioLevel: AudioLevel?,
        into room: inout MutableRawSpan
    ) -> OutgoingPacket? {
        guard let (section, sender, payloadType) = sending(index), let packet = OpusPacket(payload) else { return nil }
        let numbers = sender.number(timestamp: timestamp, samples: packet.sampleCount)
        if let sealer = section.sealer {
            guard let sealed = sealer.seal(payload) else { return nil }
            return write(
                sealed.span.bytes, payloadType: payloadType, numbers: numbers, audioLevel: audioLevel, sender: sender,
                section: section, into: &room)
        }
        if let redPayloadType = section.parameters.redPayloadType {
            guard
                let redundant = sender.redundantPayload(
                    for: payload, timestamp: numbers.timestamp, samples: packet.sampleCount, payloadType: payloadType,
                    isAlone: !allowsRedundancy)
            else { return nil }
            return write(
                redundant.span.bytes, payloadType: redPayloadType, numbers: numbers, audioLevel: audioLevel,
                sender: sender, section: section, into: &room)
        }
        return write(
            payload, payloadType: payloadType, numbers: numbers, audioLevel: audioLevel, sender: sender,
            section: section, into: &room)
    }

    /// Writes a packet of another connection into `room`, with the SSRC, payload type and numbers of this section.
    /// Redundant audio is reduced to its newest frame where the peer did not agree to it.
    /// - Returns: nil if the section does not send (yet), or the payload cannot be sent on it.
    func write(
        forwarding packet: ReceivedRTPPacket, on index: Int, into room: inout MutableRawSpan, now: Instant
    ) -> OutgoingPacket? {
        guard let (section, sender, opusPayloadType) = sending(index) else { return nil }
        var payload = packet.payload
        var payloadType = opusPayloadType
        switch packet.format {
        case .opus: break
        case .red:
            if let redPayloadType = section.parameters.redPayloadType {
                payloadType = redPayloadType
            } else {
                guard let newest = packet.newestFrame else { return nil }
                payload = newest
            }
        case .other: return nil
        }
        // What was repaired comes late from the publisher, when it was asked for.
        guard let numbers = sender.number(packet, now: now) else { return nil }
        return write(
            payload, payloadType: payloadType, numbers: numbers,
            audioLevel: packet.audioLevel, sender: sender, section: section, into: &room)
    }

    /// How many of the packets right before this one have not come and are in its redundant audio, for a peer that takes Opus
    /// only and could not repair them itself.
    func repairable(_ packet: ReceivedRTPPacket, on index: Int) -> Int {
        guard packet.format == .red, let (section, sender, _) = sending(index),
            section.parameters.redPayloadType == nil, let red = REDPayload(packet.payload)
        else { return 0 }
        return min(sender.missing(before: packet), red.redundantCount)
    }

    private func sending(_ index: Int) -> (section: Section, sender: RTPSender, payloadType: UInt8)? {
        guard sections.indices.contains(index) else { return nil }
        let section = sections[index]
        guard section.parameters.sends, let sender = section.sender,
            let payloadType = section.parameters.opusPayloadType
        else { return nil }
        return (section, sender, payloadType)
    }

    private func write(
        _ payload: RawSpan, payloadType: UInt8, numbers: Numbers, audioLevel: AudioLevel?,
        sender: RTPSender, section: Section, into room: inout MutableRawSpan
    ) -> OutgoingPacket? {
        let writer = RTPPacketWriter(
            marker: numbers.marker, payloadType: payloadType, sequenceNumber: numbers.sequence,
            timestamp: numbers.timestamp, ssrc: sender.ssrc)
        var level: (id: UInt8, level: AudioLevel)?
        if let audioLevel, let id = section.parameters.audioLevelExtensionID { level = (id, audioLevel) }
        let mid = section.parameters.midExtensionID.map { (id: $0, bytes: section.midBytes) }
        guard let length = writer.write(into: &room, payload: payload, audioLevel: level, mid: mid) else { return nil }
        return OutgoingPacket(sender: sender, numbers: numbers, payloadLength: payload.byteCount, length: length)
    }

    /// Counts a packet that goes out as `datagram`, and keeps it for requests to send it again.
    func noteSent(_ packet: OutgoingPacket, as datagram: RawSpan, now: Instant) {
        let numbers = packet.numbers
        packet.sender.count(
            sequence: numbers.sequence, timestamp: numbers.timestamp, payloadLength: packet.payloadLength, now: now)
        statistics.packetsSent += 1
        statistics.octetsSent += packet.payloadLength
        packet.sender.history?.record(datagram, sequenceNumber: numbers.sequence, now: now)
    }
}
