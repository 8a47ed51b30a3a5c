package import Wire

/// Sound out, and messages of data channels. Sending sound allocates nothing once a stream runs.
extension PeerConnection {
    /// Sends one Opus packet on a section.
    /// - Parameters:
    ///   - timestamp: the caller's media clock in samples at 48 kHz; any origin. After a pause (DTX) it has moved
    ///     on by the length of the pause, and the marker is set by itself.
    ///   - audioLevel: sent along when that was negotiated.
    /// - Returns: false if the section does not send (yet), or the packet is no Opus packet, or too long.
    @discardableResult
    package func sendAudio(
        on section: Int, payload: RawSpan, timestamp: UInt32, audioLevel: AudioLevel? = nil, now: Instant
    ) -> Bool {
        guard transport.canSendMedia else { return false }
        var buffer = transport.takePacketBuffer()
        defer { transport.putBack(buffer) }
        return buffer.withMutableBytes { room in
            let packet = streams.write(
                payload, on: section, timestamp: timestamp, audioLevel: audioLevel, into: &room)
            return send(packet, in: &room, now: now)
        }
    }

    /// Forwards a packet of another connection on a section: with this connection's SSRC, payload type and
    /// numbers, which stay continuous when the SSRC changes. Redundant audio becomes Opus where the peer did not agree
    /// to it, the packets that it repairs included. Requests to send again are answered from here.
    /// - Returns: false if the section does not send (yet), or the payload cannot be sent on it.
    @discardableResult
    package func forward(_ packet: ReceivedRTPPacket, on section: Int, now: Instant) -> Bool {
        guard transport.canSendMedia else { return false }
        for age in stride(from: streams.repairable(packet, on: section), to: 0, by: -1) {
            if let repaired = packet.earlier(by: age) { _ = writeAndSend(repaired, on: section, now: now) }
        }
        return writeAndSend(packet, on: section, now: now)
    }

    private func writeAndSend(_ packet: ReceivedRTPPacket, on section: Int, now: Instant) -> Bool {
        var buffer = transport.takePacketBuffer()
        defer { transport.putBack(buffer) }
        return buffer.withMutableBytes { room in
            let written = streams.write(forwarding: packet, on: section, into: &room, now: now)
            return send(written, in: &room, now: now)
        }
    }

    /// Protects what was written into `room` and hands it over.
    private func send(_ packet: RTPStreams.OutgoingPacket?, in room: inout MutableRawSpan, now: Instant) -> Bool {
        guard let packet, let delegate, let path = transport.path,
            let length = transport.protectRTP(&room, length: packet.length)
        else { return false }
        let datagram = room.bytes.extracting(0..<length)
        streams.noteSent(packet, as: datagram, now: now)
        delegate.peerConnection(self, transmit: datagram, from: path.base, to: path.destination)
        return true
    }

    // MARK: Data channels

    /// Opens a channel and announces it to the peer (RFC 8832). May be called, and written to, before anything
    /// was negotiated; a data section must be added for it to come about.
    package func openChannel(
        label: String, subprotocol: String = "", reliability: DataChannelReliability = .reliableOrdered, now: Instant
    ) throws(DataChannelError) -> DataChannelID {
        let id = try channels.open(label: label, subprotocol: subprotocol, reliability: reliability, now: now)
        process(now: now)
        return id
    }

    /// Sends a message; empty ones are allowed.
    package func send(
        _ bytes: [UInt8], isText: Bool = false, on channel: DataChannelID, now: Instant
    ) throws(DataChannelError) {
        try channels.send(channel, bytes, isText: isText, now: now)
        process(now: now)
    }

    /// What the channel is; nil once it is closed.
    package func channelInformation(_ channel: DataChannelID) -> DataChannelInformation? {
        channels.information(channel)
    }

    /// Bytes accepted on a channel that the peer has not acknowledged.
    package func bufferedAmount(_ channel: DataChannelID) -> Int { channels.bufferedAmount(channel) }

    /// `channelBufferedAmountLow` comes when the channel's buffered amount falls to `bytes` from above.
    package func setBufferedAmountLowThreshold(_ channel: DataChannelID, _ bytes: Int) {
        channels.setBufferedAmountLowThreshold(channel, bytes)
    }

    /// The largest message that the peer takes, in bytes; zero means no limit.
    package var maximumMessageSize: Int { channels.maximumSendMessageSize }
}
