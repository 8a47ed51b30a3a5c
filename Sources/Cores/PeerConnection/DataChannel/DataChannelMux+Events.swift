import Wire

/// What comes out of the association, turned into events of channels.
extension DataChannelMux {
    /// The next thing to do, nil when drained.
    package func poll() -> DataChannelOutput? {
        if let output = outputs.popFirst() { return output }
        while let output = association.poll() {
            if case .transmit(let packet) = output { return .transmit(packet) }
            handle(output, now: association.now)
            if let output = outputs.popFirst() { return output }
        }
        return nil
    }

    /// After packets and timeouts: handles events and looks at the buffers.
    func process(now: Instant) {
        while let event = association.events.popFirst() { handle(event, now: now) }
        for (id, channel) in channels where channel.isAboveThreshold {
            guard bufferedAmount(id) <= channel.lowThreshold else { continue }
            channels[id]?.isAboveThreshold = false
            outputs.append(.bufferedAmountLow(id))
        }
    }

    private func handle(_ output: SCTPOutput, now: Instant) {
        switch output {
        case .transmit: break
        case .connected: connected()
        case .message(let message): receive(message, now: now)
        case .outgoingStreamsReset(let streams, let isPerformed):
            for stream in streams {
                guard let id = idsByStream[stream] else { continue }
                channels[id]?.isOutgoingReset = true
                // A peer that does not reset our direction will not reset its own either.
                if !isPerformed { channels[id]?.isIncomingReset = true }
                finishClosing(id)
            }
        case .incomingStreamsReset(let streams):
            for stream in streams.isEmpty ? Array(idsByStream.keys) : streams {
                guard let id = idsByStream[stream] else { continue }
                channels[id]?.isIncomingReset = true
                // The peer closes: our direction follows (RFC 8831 section 6.7).
                close(id, now: now)
                finishClosing(id)
            }
        case .closed(let reason):
            for id in channels.keys.sorted(by: { $0.rawValue < $1.rawValue }) { remove(id) }
            outputs.append(.associationClosed(reason))
        }
    }

    private func finishClosing(_ id: DataChannelID) {
        guard let channel = channels[id], channel.isOutgoingReset, channel.isIncomingReset else { return }
        remove(id)
    }

    private func connected() {
        outputs.append(.associationConnected)
        for id in channels.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard let stream = channels[id]?.information.stream else { continue }
            if Int(stream) >= association.outboundStreamCount { remove(id) }
        }
    }

    /// The peer knows the channel.
    func markOpen(_ id: DataChannelID) {
        guard let channel = channels[id], channel.phase == .opening else { return }
        channels[id]?.phase = .open
        outputs.append(
            .channelOpened(id, label: channel.information.label, isRemote: channel.information.isRemote))
    }

    private func receive(_ message: SCTPMessage, now: Instant) {
        let id = idsByStream[message.stream]
        let isText: Bool
        let payload: [UInt8]
        switch message.payloadProtocol {
        case DataChannelPayload.control: return receiveControl(message, id, now: now)
        case DataChannelPayload.string: (isText, payload) = (true, message.payload)
        case DataChannelPayload.binary: (isText, payload) = (false, message.payload)
        case DataChannelPayload.emptyString: (isText, payload) = (true, [])
        case DataChannelPayload.emptyBinary: (isText, payload) = (false, [])
        default:
            ignoredMessages += 1
            return
        }
        guard let id else {
            ignoredMessages += 1
            return
        }
        // Data on the channel says as much as an acknowledgement (RFC 8832 section 6).
        markOpen(id)
        outputs.append(.message(id, payload, isText: isText))
    }

    private func receiveControl(_ message: SCTPMessage, _ id: DataChannelID?, now: Instant) {
        switch message.payload.first {
        case DataChannelOpenMessage.acknowledgementType:
            if let id { markOpen(id) } else { ignoredMessages += 1 }
        case DataChannelOpenMessage.messageType:
            receiveOpen(message, id, now: now)
        default:
            ignoredMessages += 1
        }
    }

    /// An OPEN that cannot be served is answered by resetting the stream (RFC 8832 section 6). One for a stream that
    /// is in use is ignored: the channel that is there stays.
    private func receiveOpen(_ message: SCTPMessage, _ id: DataChannelID?, now: Instant) {
        if let id {
            // Behind a reset of its direction, an OPEN says that the peer has seen ours too: only the response to it
            // was lost.
            guard channels[id]?.phase == .closing, channels[id]?.isIncomingReset == true else {
                ignoredMessages += 1
                return
            }
            remove(id)
        }
        guard let open = DataChannelOpenMessage(parsing: message.payload.span.bytes),
            channels.count < configuration.maximumChannels, Int(message.stream) < association.outboundStreamCount
        else {
            ignoredMessages += 1
            association.resetStreams([message.stream], now: now)
            return
        }
        let id = insert(
            DataChannelInformation(
                label: open.label, subprotocol: open.subprotocol, reliability: open.reliability,
                stream: message.stream, isRemote: true))
        channels[id]?.isAnnounced = true
        markOpen(id)
        sendControl([DataChannelOpenMessage.acknowledgementType], stream: message.stream, now: now)
    }
}
