internal import Wire

/// Sound in. Nothing here allocates once a stream runs.
extension RTPStreams {
    /// Takes one decrypted RTP packet; `sink` is called for the sound that it releases.
    /// - Returns: whether something is missing, which will be asked for or given up at a time of its own.
    func receive(_ packet: RawSpan, now: Instant, sink: (ReceivedSound) -> Void) -> Bool {
        guard let header = RTPHeader(packet), let receiver = receiver(for: header, packet) else {
            statistics.packetsIgnored += 1
            return false
        }
        let parameters = sections[receiver.section].parameters
        guard parameters.receives else {
            statistics.packetsIgnored += 1
            return false
        }
        statistics.packetsReceived += 1
        statistics.octetsReceived += header.payloadLength
        receiver.statistics.receive(sequenceNumber: header.sequenceNumber, timestamp: header.timestamp, now: now)
        receiver.requests?.receive(sequenceNumber: header.sequenceNumber, now: now)
        var level: AudioLevel?
        if let id = parameters.audioLevelExtensionID, let bytes = header.element(id, of: packet), !bytes.isEmpty {
            level = AudioLevel(byte: bytes[0])
        }
        let format: AudioPayloadFormat =
            switch header.payloadType {
            case parameters.opusPayloadType: .opus
            case parameters.redPayloadType: .red
            default: .other
            }
        let payload = header.payload(of: packet)
        if let jitterBuffer = receiver.jitterBuffer {
            jitterBuffer.jitter = receiver.statistics.jitterDuration
            jitterBuffer.retransmissionRoundTrip =
                receiver.requests == nil ? nil : roundTripTime ?? Self.assumedRoundTrip
            let audio = AudioPacket(
                sequenceNumber: header.sequenceNumber, timestamp: header.timestamp, marker: header.marker,
                audioLevel: level, payload: payload)
            if isEncrypted {
                openAndInsert(audio, format, receiver, now: now, sink: sink)
                return receiver.nextDeadline != nil
            }
            switch format {
            case .opus:
                // Straight to whoever plays the track, without a function between.
                guard let track = receiver.sink else {
                    jitterBuffer.insert(audio, now: now) { receiver.release($0, to: sink) }
                    break
                }
                jitterBuffer.insert(audio, now: now) { if !receiver.isRetired { track.receive($0) } }
            case .red, .other:
                insert(audio, format, opusPayloadType: parameters.opusPayloadType, receiver, now: now, sink: sink)
            }
        } else {
            sink(
                .raw(
                    ReceivedRTPPacket(
                        section: receiver.section, ssrc: header.ssrc, sequenceNumber: header.sequenceNumber,
                        timestamp: header.timestamp, marker: header.marker, payloadType: header.payloadType,
                        format: format, audioLevel: level, payload: payload)))
        }
        return receiver.nextDeadline != nil
    }

    /// Before anything was measured.
    static var assumedRoundTrip: Duration { .milliseconds(50) }

    /// A packet of sound that is encrypted end to end. A frame that cannot be opened is lost.
    private func openAndInsert(
        _ packet: AudioPacket, _ format: AudioPayloadFormat, _ receiver: RTPReceiver, now: Instant,
        sink: (ReceivedSound) -> Void
    ) {
        let section = sections[receiver.section]
        guard let opener = section.opener, let jitterBuffer = receiver.jitterBuffer else { return }
        switch format {
        case .opus:
            guard let frame = opener.open(packet.payload, isGuess: false) else { return }
            let audio = packet.with(payload: frame.span.bytes)
            jitterBuffer.insert(audio, now: now) { receiver.release($0, to: sink) }
        case .red:
            // libwebrtc makes redundant audio first and encrypts it as a whole; a server may have put encrypted frames together.
            if let whole = opener.open(packet.payload, isGuess: true) {
                return insert(
                    packet.with(payload: whole.span.bytes), format,
                    opusPayloadType: section.parameters.opusPayloadType, receiver, now: now, sink: sink)
            }
            openBlocks(of: packet, opener, jitterBuffer, now: now) { receiver.release($0, to: sink) }
        case .other: break
        }
    }

    /// Opens the frames in redundant audio one by one.
    private func openBlocks(
        of packet: AudioPacket, _ opener: any FrameOpener, _ jitterBuffer: JitterBuffer, now: Instant,
        sink: (JitterBufferOutput) -> Void
    ) {
        guard let red = REDPayload(packet.payload) else {
            // What was encrypted as a whole with another key looks like anything.
            _ = opener.open(packet.payload, isGuess: false)
            return
        }
        for index in 0..<red.redundantCount {
            guard let block = red.redundant(index), let frame = opener.open(block.bytes, isGuess: true),
                !frame.isEmpty
            else { continue }
            let age = UInt16(truncatingIfNeeded: red.redundantCount - index)
            let copy = AudioPacket(
                sequenceNumber: packet.sequenceNumber &- age, timestamp: packet.timestamp &- block.timestampOffset,
                payload: frame.span.bytes)
            jitterBuffer.insertRedundant(copy, now: now, sink: sink)
        }
        guard let frame = opener.open(red.primary.bytes, isGuess: false) else { return }
        jitterBuffer.insert(packet.with(payload: frame.span.bytes), now: now, sink: sink)
    }

    /// What is no plain Opus packet.
    private func insert(
        _ packet: AudioPacket, _ format: AudioPayloadFormat, opusPayloadType: UInt8?, _ receiver: RTPReceiver,
        now: Instant, sink: (ReceivedSound) -> Void
    ) {
        guard let jitterBuffer = receiver.jitterBuffer else { return }
        guard format == .red else {
            // Comfort noise and telephone events have no sound for us, but their numbers are taken.
            var empty = packet
            empty.payload = RawSpan()
            return jitterBuffer.insert(empty, now: now) { receiver.release($0, to: sink) }
        }
        guard let red = REDPayload(packet.payload), red.primary.payloadType == opusPayloadType else { return }
        // The frames in front of the primary are those of the packets right before this one.
        for index in 0..<red.redundantCount {
            guard let block = red.redundant(index), block.payloadType == opusPayloadType, !block.bytes.isEmpty
            else { continue }
            let age = UInt16(truncatingIfNeeded: red.redundantCount - index)
            let copy = AudioPacket(
                sequenceNumber: packet.sequenceNumber &- age, timestamp: packet.timestamp &- block.timestampOffset,
                payload: block.bytes)
            jitterBuffer.insertRedundant(copy, now: now) { receiver.release($0, to: sink) }
        }
        var primary = packet
        primary.payload = red.primary.bytes
        jitterBuffer.insert(primary, now: now) { receiver.release($0, to: sink) }
    }

    // MARK: Whose packet it is

    /// Finds out whose packet it is: by its SSRC; else by the section id that it carries; else by its payload
    /// type, if only one receiving section uses it (RFC 8843 section 9.2).
    private func receiver(for header: RTPHeader, _ packet: RawSpan) -> RTPReceiver? {
        if let known = receivers[header.ssrc] { return known }
        guard !retiredSources.contains(header.ssrc), let section = section(for: header, packet) else { return nil }
        // An SSRC that the description did not name. If it replaces another one, the track stays the same.
        if let old = section.receiver {
            old.isRetired = true
            receivers[old.ssrc] = nil
            section.receiver = nil
        }
        bind(header.ssrc, to: section)
        if section.remoteTrack == nil, section.receiver != nil {
            let track = RemoteTrack(
                section: section.parameters.section, mid: section.parameters.mid, streamID: "", trackID: "", ssrc: nil)
            section.remoteTrack = track
            emit(.event(.trackAdded(track)))
        }
        return section.receiver
    }

    private func section(for header: RTPHeader, _ packet: RawSpan) -> Section? {
        for section in sections {
            guard section.parameters.receives, let id = section.parameters.midExtensionID,
                let mid = header.element(id, of: packet)
            else { continue }
            return sections.first { $0.parameters.receives && mid.elementsEqual($0.midBytes) }
        }
        var found: Section?
        for section in sections where section.parameters.receives {
            let parameters = section.parameters
            guard header.payloadType == parameters.opusPayloadType || header.payloadType == parameters.redPayloadType
            else { continue }
            if found != nil { return nil }
            found = section
        }
        // A section whose SSRC was announced is not taken over by a stray packet.
        if let found, found.remoteTrack?.ssrc != nil { return nil }
        return found
    }

    func addTrack(_ track: RemoteTrack, to section: Section) {
        section.remoteTrack = track
        if let ssrc = track.ssrc { bind(ssrc, to: section) }
        emit(.event(.trackAdded(track)))
    }

    func removeTrack(of section: Section) {
        if let receiver = section.receiver {
            receiver.isRetired = true
            if receivers[receiver.ssrc] === receiver { receivers[receiver.ssrc] = nil }
            if retiredSources.count >= Self.maximumRetiredSources { retiredSources.removeFirst() }
            retiredSources.append(receiver.ssrc)
            section.receiver = nil
        }
        guard let track = section.remoteTrack else { return }
        section.remoteTrack = nil
        emit(.event(.trackRemoved(track)))
    }

    /// From now on packets of this SSRC belong to the section.
    private func bind(_ ssrc: UInt32, to section: Section) {
        guard receivers.count < PeerConnection.maximumReceivers else { return }
        retiredSources.removeAll { $0 == ssrc }
        if let other = receivers[ssrc], sections[other.section].receiver === other {
            sections[other.section].receiver = nil
            other.isRetired = true
        }
        let receiver = RTPReceiver(
            ssrc: ssrc, section: section.parameters.section, mode: section.receiveMode,
            hasNACK: section.parameters.hasNACK, sink: section.sink)
        section.receiver = receiver
        receivers[ssrc] = receiver
    }
}
