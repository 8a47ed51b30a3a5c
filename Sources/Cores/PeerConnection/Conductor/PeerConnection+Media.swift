package import Wire

/// Sound out and in. Nothing here allocates once a stream runs.
extension PeerConnection {
    // MARK: Sending

    /// Sends one Opus packet on a section.
    /// - Parameters:
    ///   - timestamp: the caller's media clock in samples at 48 kHz; any origin. After a pause (DTX) it has moved
    ///     on by the length of the pause, and the marker is set by itself.
    ///   - audioLevel: sent along when that was negotiated.
    /// - Returns: false if the section does not send (yet), or the packet is no Opus packet, or too long.
    @discardableResult
    package func sendAudio(
        on section: Int, payload: UnsafeRawBufferPointer, timestamp: UInt32, audioLevel: AudioLevel? = nil, now: Instant
    ) -> Bool {
        guard transceivers.indices.contains(section) else { return false }
        let transceiver = transceivers[section]
        guard transceiver.current.sends, let sender = transceiver.sender, srtp != nil, path != nil,
            let payloadType = transceiver.opusPayloadType, let packet = OpusPacket(payload)
        else { return false }
        let numbers = sender.number(timestamp: timestamp, samples: packet.sampleCount)
        return send(
            payload, payloadType: payloadType, numbers: numbers, audioLevel: audioLevel, sender: sender,
            transceiver: transceiver, now: now)
    }

    /// Forwards a packet of another connection on a section: with this connection's source, payload type and
    /// numbers, which stay continuous when the source changes. Redundant audio is reduced to its newest frame where
    /// the peer did not agree to it. Requests to send again are answered from here.
    /// - Returns: false if the section does not send (yet), or the payload cannot be sent on it.
    @discardableResult
    package func forward(_ packet: ReceivedRTPPacket, on section: Int, now: Instant) -> Bool {
        guard transceivers.indices.contains(section) else { return false }
        let transceiver = transceivers[section]
        guard transceiver.current.sends, let sender = transceiver.sender, srtp != nil, path != nil,
            let opusPayloadType = transceiver.opusPayloadType
        else { return false }
        var payload = packet.payload
        var payloadType = opusPayloadType
        switch packet.format {
        case .opus: break
        case .red:
            if let redPayloadType = transceiver.redPayloadType {
                payloadType = redPayloadType
            } else {
                guard let red = REDPayload(payload) else { return false }
                payload = red.primary.bytes
            }
        case .other: return false
        }
        let numbers = sender.number(packet, now: now)
        return send(
            payload, payloadType: payloadType, numbers: numbers, audioLevel: packet.audioLevel, sender: sender,
            transceiver: transceiver, now: now)
    }

    private func send(
        _ payload: UnsafeRawBufferPointer, payloadType: UInt8,
        numbers: (sequence: UInt16, timestamp: UInt32, marker: Bool), audioLevel: AudioLevel?, sender: RTPSender,
        transceiver: Transceiver, now: Instant
    ) -> Bool {
        guard let srtp, let path, let delegate else { return false }
        let writer = RTPPacketWriter(
            marker: numbers.marker, payloadType: payloadType, sequenceNumber: numbers.sequence,
            timestamp: numbers.timestamp, ssrc: sender.ssrc)
        var level: (id: UInt8, level: AudioLevel)?
        if let audioLevel, let id = transceiver.audioLevelExtensionID { level = (id, audioLevel) }
        let mid = transceiver.midExtensionID.map { (id: $0, bytes: transceiver.midBytes) }
        let room = UnsafeMutableRawBufferPointer(rebasing: sendBuffer[..<Self.maximumPacketSize])
        guard let length = writer.write(into: room, payload: payload, audioLevel: level, mid: mid),
            let protected = srtp.protectRTP(sendBuffer, length: length), protected <= sendBuffer.count
        else { return false }
        sender.count(
            sequence: numbers.sequence, timestamp: numbers.timestamp, payloadLength: payload.count, now: now)
        statistics.packetsSent += 1
        statistics.octetsSent += payload.count
        let packet = UnsafeRawBufferPointer(rebasing: sendBuffer[..<protected])
        sender.history?.record(packet, sequenceNumber: numbers.sequence, now: now)
        delegate.peerConnection(self, transmit: packet, from: path.base, to: path.destination)
        return true
    }

    // MARK: Receiving

    /// - Returns: whether something is missing, which will be asked for or given up at a time of its own.
    func receiveRTP(_ datagram: UnsafeMutableRawBufferPointer, now: Instant) -> Bool {
        guard let srtp, let length = srtp.unprotectRTP(datagram, length: datagram.count), length <= datagram.count
        else {
            statistics.packetsRejected += 1
            return false
        }
        let packet = UnsafeRawBufferPointer(rebasing: datagram[..<length])
        guard let header = RTPHeader(packet), let receiver = receiver(for: header, packet) else {
            statistics.packetsIgnored += 1
            return false
        }
        let transceiver = transceivers[receiver.section]
        guard transceiver.current.receives else {
            statistics.packetsIgnored += 1
            return false
        }
        statistics.packetsReceived += 1
        statistics.octetsReceived += header.payloadLength
        receiver.statistics.receive(sequenceNumber: header.sequenceNumber, timestamp: header.timestamp, now: now)
        receiver.requests?.receive(sequenceNumber: header.sequenceNumber, now: now)
        var level: AudioLevel?
        if let id = transceiver.audioLevelExtensionID, let bytes = header.element(id, of: packet), !bytes.isEmpty {
            level = AudioLevel(byte: bytes[0])
        }
        let format: AudioPayloadFormat =
            switch header.payloadType {
            case transceiver.opusPayloadType: .opus
            case transceiver.redPayloadType: .red
            default: .other
            }
        let payload = header.payload(of: packet)
        switch receiver.mode {
        case .raw:
            delegate?.peerConnection(
                self,
                received: ReceivedRTPPacket(
                    section: receiver.section, ssrc: header.ssrc, sequenceNumber: header.sequenceNumber,
                    timestamp: header.timestamp, marker: header.marker, payloadType: header.payloadType, format: format,
                    audioLevel: level, payload: payload))
        case .ordered:
            let audio = AudioPacket(
                sequenceNumber: header.sequenceNumber, timestamp: header.timestamp, marker: header.marker,
                audioLevel: level, payload: payload)
            order(audio, format: format, opusPayloadType: transceiver.opusPayloadType, receiver: receiver, now: now)
        }
        return receiver.nextDeadline != nil
    }

    private func order(
        _ packet: AudioPacket, format: AudioPayloadFormat, opusPayloadType: UInt8?, receiver: RTPReceiver, now: Instant
    ) {
        guard let jitterBuffer = receiver.jitterBuffer else { return }
        jitterBuffer.jitter = receiver.statistics.jitterDuration
        jitterBuffer.retransmissionRoundTrip = receiver.requests == nil ? nil : roundTripTime ?? .milliseconds(50)
        switch format {
        case .opus: jitterBuffer.insert(packet, now: now) { release($0, of: receiver) }
        case .red:
            guard let red = REDPayload(packet.payload), red.primary.payloadType == opusPayloadType else { return }
            // The frames in front of the primary are those of the packets right before this one.
            for index in 0..<red.redundantCount {
                guard let block = red.redundant(index), block.payloadType == opusPayloadType, !block.bytes.isEmpty
                else { continue }
                let age = UInt16(truncatingIfNeeded: red.redundantCount - index)
                let copy = AudioPacket(
                    sequenceNumber: packet.sequenceNumber &- age, timestamp: packet.timestamp &- block.timestampOffset,
                    payload: block.bytes)
                jitterBuffer.insertRedundant(copy, now: now) { release($0, of: receiver) }
            }
            var primary = packet
            primary.payload = red.primary.bytes
            jitterBuffer.insert(primary, now: now) { release($0, of: receiver) }
        case .other:
            // Comfort noise and telephone events have no sound for us, but their numbers are taken.
            var empty = packet
            empty.payload = UnsafeRawBufferPointer(start: nil, count: 0)
            jitterBuffer.insert(empty, now: now) { release($0, of: receiver) }
        }
    }

    func release(_ output: JitterBufferOutput, of receiver: RTPReceiver) {
        guard !receiver.isRetired else { return }
        delegate?.peerConnection(self, section: receiver.section, released: output)
    }

    /// Finds out whose packet it is: by its source; else by the section id that it carries; else by its payload
    /// type, if only one receiving section uses it (RFC 8843 section 9.2).
    private func receiver(for header: RTPHeader, _ packet: UnsafeRawBufferPointer) -> RTPReceiver? {
        if let known = receiversBySource[header.ssrc] { return known }
        guard !retiredSources.contains(header.ssrc), let transceiver = transceiver(for: header, packet) else {
            return nil
        }
        // A source that the description did not name. If it replaces another one, the track stays the same.
        if let old = transceiver.receiver {
            old.isRetired = true
            receiversBySource[old.ssrc] = nil
            transceiver.receiver = nil
        }
        bind(header.ssrc, to: transceiver)
        if transceiver.remoteTrack == nil, transceiver.receiver != nil {
            let track = RemoteTrack(
                section: transceiver.index, mid: transceiver.mid, streamID: "", trackID: "", ssrc: nil)
            transceiver.remoteTrack = track
            events.append(.trackAdded(track))
        }
        return transceiver.receiver
    }

    private func transceiver(for header: RTPHeader, _ packet: UnsafeRawBufferPointer) -> Transceiver? {
        for transceiver in transceivers {
            guard transceiver.current.receives, let id = transceiver.midExtensionID,
                let mid = header.element(id, of: packet)
            else { continue }
            return transceivers.first { $0.current.receives && $0.midBytes.elementsEqual(mid) }
        }
        var found: Transceiver?
        for transceiver in transceivers where transceiver.current.receives {
            guard
                header.payloadType == transceiver.opusPayloadType || header.payloadType == transceiver.redPayloadType
            else { continue }
            if found != nil { return nil }
            found = transceiver
        }
        // A section whose source was announced is not taken over by a stray packet.
        if let found, found.remoteTrack?.ssrc != nil { return nil }
        return found
    }
}
