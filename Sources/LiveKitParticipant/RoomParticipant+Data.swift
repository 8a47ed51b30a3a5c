internal import EventLoops
internal import Observability
package import Signalling
internal import Wire

/// Why data was not taken.
package enum DataSendError: Error, Hashable, Sendable {
    /// The session is over; for lossy packets also: it has not begun, or is away.
    case notConnected
    /// The token does not allow data.
    case notAllowed
    case tooLarge(maximum: Int)
    /// Too much waits already; try again later.
    case congested
}

/// Data packets, streams and calls.
extension RoomParticipant {
    /// Reliable packets that wait for a channel.
    static var maximumWaitingPackets: Int { 1024 }

    // MARK: Sending

    /// Sends an application's bytes, to these identities or to everybody.
    package func sendData(
        _ payload: [UInt8], topic: String = "", isReliable: Bool = true, to destinations: [String] = []
    ) throws(DataSendError) {
        let packet = DataPacket.with {
            $0.value = .user(
                .with {
                    $0.payload = payload
                    $0.topic = topic.isEmpty ? nil : topic
                })
            $0.destinationIdentities = destinations
        }
        try send(packet, isReliable: isReliable)
    }

    /// Sends a whole text as one stream; the result is the stream's id.
    @discardableResult
    package func sendText(
        _ text: String, topic: String, attributes: [String: String] = [:], to destinations: [String] = []
    ) throws(DataSendError) -> String {
        var stream = try openStream(
            topic: topic, kind: .text, mimeType: "text/plain", attributes: attributes, totalLength: text.utf8.count,
            to: destinations)
        for packet in stream.chunks(text) { try send(packet, isReliable: true) }
        try send(stream.trailer(), isReliable: true)
        return stream.id
    }

    /// Sends whole bytes as one stream; the result is the stream's id.
    @discardableResult
    package func sendBytes(
        _ bytes: [UInt8], topic: String, name: String = "", mimeType: String = "application/octet-stream",
        attributes: [String: String] = [:], to destinations: [String] = []
    ) throws(DataSendError) -> String {
        var stream = try openStream(
            topic: topic, kind: .bytes(name: name), mimeType: mimeType, attributes: attributes,
            totalLength: bytes.count, to: destinations)
        for packet in stream.chunks(bytes) { try send(packet, isReliable: true) }
        try send(stream.trailer(), isReliable: true)
        return stream.id
    }

    /// A chat line, as agents read it: a text stream on `lk.chat`.
    @discardableResult
    package func sendChat(_ text: String, to destinations: [String] = []) throws(DataSendError) -> String {
        try sendText(text, topic: "lk.chat", to: destinations)
    }

    /// Opens a stream whose pieces follow by `write` and whose end is told by `end`.
    package func openStream(
        topic: String, kind: DataStreamInfo.Kind, mimeType: String, attributes: [String: String] = [:],
        totalLength: Int? = nil, to destinations: [String] = []
    ) throws(DataSendError) -> OutgoingDataStream {
        let stream = OutgoingDataStream(id: makeIdentifier(), destinations: destinations)
        try send(
            stream.header(
                topic: topic, kind: kind, mimeType: mimeType, attributes: attributes,
                timestamp: UnixClock.milliseconds(), totalLength: totalLength), isReliable: true)
        return stream
    }

    /// The next piece of text.
    package func write(_ text: String, to stream: inout OutgoingDataStream) throws(DataSendError) {
        for packet in stream.chunks(text) { try send(packet, isReliable: true) }
    }

    /// The end of a stream; a reason that is not empty says that it was given up.
    package func end(
        _ stream: OutgoingDataStream, attributes: [String: String] = [:], reason: String = ""
    ) throws(DataSendError) {
        try send(stream.trailer(attributes: attributes, reason: reason), isReliable: true)
    }

    /// Sends one packet. Reliable ones are numbered and kept for a resume; before there is a channel they wait.
    package func send(_ packet: DataPacket, isReliable: Bool) throws(DataSendError) {
        guard state != .closed else { throw .notConnected }
        if let permission = view.local.permission, !permission.canPublishData { throw .notAllowed }
        let maximum = session?.maximumPacketBytes ?? 64_000
        guard isReliable else {
            var lossy = packet
            lossy.kind = .lossy
            let bytes = lossy.encoded()
            guard bytes.count <= maximum else { throw .tooLarge(maximum: maximum) }
            guard state == .connected, let session else { throw .notConnected }
            session.send(bytes, isReliable: false)
            return
        }
        // The number and its tag come on top.
        guard packet.encoded().count + 16 <= maximum else { throw .tooLarge(maximum: maximum) }
        // During a resume a packet must not overtake those that have to be sent again: the server would drop them.
        guard let session, state == .connected else {
            guard waitingPackets.count < Self.maximumWaitingPackets else { throw .congested }
            waitingPackets.append(packet)
            return
        }
        guard session.bufferedBytes <= MediaSession.maximumBufferedBytes else { throw .congested }
        session.send(outbox.append(packet, now: loop.now), isReliable: true)
    }

    func flushWaitingPackets() {
        let packets = waitingPackets
        waitingPackets = []
        for packet in packets { session?.send(outbox.append(packet, now: loop.now), isReliable: true) }
    }

    // MARK: Receiving

    func session(_ session: MediaSession, received bytes: [UInt8]) {
        guard session === self.session, state != .closed else { return }
        let packet: DataPacket
        do {
            packet = try DataPacket(decoding: bytes)
        } catch {
            return log.warning("data packet cannot be read", ["error": "\(error)", "bytes": bytes.count])
        }
        guard inbox.accept(packet, now: loop.now) else { return }
        switch packet.value {
        case .user(let user):
            emit(
                .data(
                    DataMessage(
                        payload: user.payload, topic: user.topic ?? "", senderIdentity: packet.participantIdentity,
                        isReliable: packet.kind == .reliable)))
        case .chatMessage(let message): emit(.chat(message, senderIdentity: packet.participantIdentity))
        case .streamHeader(let header): assembler.handle(header, in: packet, now: loop.now).forEach(emit)
        case .streamChunk(let chunk): assembler.handle(chunk, now: loop.now).forEach(emit)
        case .streamTrailer(let trailer): assembler.handle(trailer).forEach(emit)
        case .rpcRequest(let request):
            calls.handle(request, from: packet.participantIdentity, now: loop.now)
            drainCalls()
        case .rpcAck(let ack):
            calls.handle(ack)
            drainCalls()
        case .rpcResponse(let response):
            calls.handle(response)
            drainCalls()
        case .transcription(let transcription):
            for update in TranscriptUpdate.updates(of: transcription, from: packet.participantIdentity) {
                emit(.transcript(update))
            }
        case .speaker, .sipDtmf, .encryptedPacket, nil: break
        }
    }

    /// A stream's news, and the transcript that it may bring.
    func emit(_ event: DataStreamEvent) {
        emit(.stream(event))
        if let update = transcripts.handle(event) { emit(.transcript(update)) }
    }

    /// Drops the streams of a topic from now on, or takes them.
    package func setIgnored(_ isIgnored: Bool, topic: String) { assembler.setIgnored(isIgnored, topic: topic) }

    // MARK: Remote procedure calls

    /// Calls a method of another participant. The completion comes exactly once.
    package func call(
        _ method: String, of identity: String, payload: String, timeout: Duration = .seconds(15),
        completion: @escaping (RPCResult) -> Void
    ) {
        let id = makeIdentifier()
        callCompletions[id] = completion
        guard state != .closed, state != .idle else {
            callCompletions[id] = nil
            return completion(.failure(RPCErrorCode.sendFailed.error()))
        }
        guard view.participant(identity: identity) != nil else {
            callCompletions[id] = nil
            return completion(.failure(RPCErrorCode.recipientNotFound.error()))
        }
        calls.call(id: id, recipient: identity, method: method, payload: payload, timeout: timeout, now: loop.now)
        drainCalls()
    }

    /// Answers a call that came as an event.
    package func respond(to invocation: RPCInvocation, _ result: RPCResult) {
        calls.respond(id: invocation.id, result)
        drainCalls()
    }

    func callsTimedOut() {
        calls.handleTimeout(now: loop.now)
        drainCalls()
    }

    func drainCalls() {
        while let output = calls.poll() {
            switch output {
            case .send(let packet):
                // A call that cannot be sent runs into its timeout, and says so then.
                do {
                    try send(packet, isReliable: true)
                } catch {
                    log.warning("RPC packet not sent", ["error": "\(error)"])
                }
            case .finished(let id, let result): callCompletions.removeValue(forKey: id)?(result)
            case .invoked(let invocation): emit(.rpc(invocation))
            }
        }
        if state != .closed { callTimer?.follow(calls.nextDeadline) }
    }
}
