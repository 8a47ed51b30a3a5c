internal import ClientProtocol
internal import Wire

/// What comes from the client.
extension BridgeSession {
    /// A binary message: sound in the session's input format. The bytes are not needed after the call.
    package func receive(binary bytes: UnsafeRawBufferPointer) {
        guard takesMessage() else { return }
        if !hasSentBinary { noteFirstBinary() }
        statistics.clientAudioBytes += bytes.count
        for output in dialect.noteBinaryAudio(byteCount: bytes.count) { act(on: output) }
        clientSpoke()
        takeAudio { uplink, now in uplink.append(bytes, now: now) }
    }

    /// On the conversation path a client that sends binary frames gets such frames, too.
    private func noteFirstBinary() {
        hasSentBinary = true
        do throws(AudioCoderFailure) {
            try changeOutput()
        } catch {
            fail(error)
        }
    }

    /// A text message.
    package func receive(text bytes: [UInt8]) {
        guard takesMessage() else { return }
        for output in dialect.decode(text: bytes) { act(on: output) }
        perform()
    }

    /// Counts a message; false when the session does not take it.
    private func takesMessage() -> Bool {
        guard !hasEnded else { return false }
        statistics.clientMessages += 1
        let now = now
        lifecycle.noteActivity(now: now)
        guard messageBucket.take(limits.messageRate, now: now) == nil else {
            let error = ClientError(
                .rateLimited, "more than \(limits.messagesPerSecond) messages a second; send larger pieces of sound")
            if keepsFaultyClients {
                complain(error)
            } else {
                lifecycle.handle(.failed(error, .rateLimited), now: now)
                perform()
            }
            return false
        }
        return true
    }

    /// Whether a client that does what it must not is told so and stays: on the conversation path.
    private var keepsFaultyClients: Bool { parameters.endpoint == .conversation }

    /// A message was too large to be received.
    package func skipped(messageOf byteCount: Int) {
        guard takesMessage() else { return }
        complain(
            ClientError(
                .invalidMessage,
                "The message has \(byteCount) bytes. At most \(limits.maximumMessageBytes) are accepted."))
        clientSpoke()
    }

    /// Tells of an error that may repeat itself with every message: once a second is enough to say it.
    private func complain(_ error: ClientError) {
        if let last = complaints[error.code], now - last < limits.dropReportInterval { return }
        complaints[error.code] = now
        tell(.error(error))
    }

    private func act(on output: DialectOutput) {
        guard !hasEnded else { return }
        switch output {
        case .event(let event): act(on: event)
        case .reply(let event): tell(event)
        case .send(let frame): send(frame)
        }
    }

    private func act(on event: ClientEvent) {
        switch event {
        case .configure(let object): configure(object)
        case .ping(let id): tell(.pong(id: id))
        // Keys are checked where the connection is accepted.
        case .authenticate: break
        case .audio(let bytes):
            statistics.clientAudioBytes += bytes.count
            clientSpoke()
            bytes.withUnsafeBytes { buffer in takeAudio { uplink, now in uplink.append(buffer, now: now) } }
        case .opusPacket(let bytes):
            statistics.clientAudioBytes += bytes.count
            clientSpoke()
            bytes.withUnsafeBytes { buffer in
                takeAudio { uplink, now in uplink.append(opus: buffer, isRecorded: true, now: now) }
            }
        case .recording(let samples, let sampleRate):
            clientSpoke()
            do throws(AudioCoderFailure) {
                try uplink?.append(recording: samples, sampleRate: sampleRate, now: now)
            } catch {
                tell(.error(ClientError(.invalidAudio, error.message)))
            }
            reportDrops()
        case .mute: setMuted(true)
        case .unmute: setMuted(false)
        case .endTurn:
            clientSpoke()
            turns.endTurn()
            uplink?.endTurn(now: now)
        case .interrupt: interrupt()
        case .text, .data, .dtmf:
            clientSpoke()
            deliver(event)
        }
    }

    private func clientSpoke() {
        guard !lifecycle.hasJoined else { return }
        lifecycle.handle(.clientSpoke, now: now)
        perform()
    }

    // MARK: Sound

    private func takeAudio(_ append: (Uplink, Instant) -> Bool) {
        guard !hasEnded, let uplink else { return }
        let now = now
        if !append(uplink, now) {
            complain(ClientError(.invalidAudio, "this message is not an Opus packet (RFC 6716)"))
        }
        reportDrops()
    }

    private func reportDrops() {
        guard let uplink, uplink.samplesDropped > reportedDrop.samples else { return }
        if let last = reportedDrop.at, now - last < limits.dropReportInterval { return }
        let milliseconds = (uplink.samplesDropped - reportedDrop.samples) / 48
        reportedDrop = (uplink.samplesDropped, now)
        let message =
            "\(milliseconds) ms of the oldest sound were dropped: more than \(limits.uplinkQueue.components.seconds) s wait to be played into the room"
        tell(.error(ClientError(.audioDropped, message)))
    }

    private func setMuted(_ isMuted: Bool) {
        uplink?.setMuted(isMuted, now: now)
        room?.setMuted(isMuted)
    }

    // MARK: Messages

    /// Sends a message to the room, or keeps it until somebody can take it.
    func deliver(_ event: ClientEvent) {
        guard isRoomReady, !isRoomInterrupted, isHeard, let room else {
            guard undelivered.count < Self.maximumUndelivered else {
                tell(
                    .error(
                        ClientError(
                            .undelivered, "\(Self.maximumUndelivered) messages already wait for the agent",
                            blame: .room,
                            isRetryable: true)))
                return
            }
            undelivered.append(event)
            return
        }
        switch event {
        case .text(let text): room.sendText(text, topic: RoomTopics.chat)
        case .data(let topic, let payload): room.publishData(payload, topic: topic, destinations: [])
        case .dtmf(let digits): for digit in digits { room.publishDTMF(digit) }
        default: break
        }
    }

    func deliverWaiting() {
        guard isRoomReady, !isRoomInterrupted, isHeard else { return }
        let events = undelivered
        undelivered = []
        for event in events { deliver(event) }
    }

    /// The client wants the agent to stop. It is heard no more at once, whatever it makes of the request.
    private func interrupt() {
        let message: JSONValue = ["type": "interrupt"]
        if let room, !agents.isEmpty {
            room.publishData(
                message.serializedBytes(), topic: RoomTopics.interrupt, destinations: agents)
            if let method = environment.configuration.interruptRPCMethod, let agent = agents.first {
                room.performRPC(to: agent, method: method, payload: "")
            }
        }
        if downlink?.isAudible == true || replies.state == .speaking {
            for agent in agents { downlink?.suppress(agent, until: now + limits.interruptionSilence) }
        }
        dropPlayback()
    }

    /// Throws away sound on its way to the client and tells the client to do the same.
    func dropPlayback() {
        downlink?.discard()
        client.discardQueuedAudio()
        tell(.interrupted)
    }

    // MARK: Configuration

    /// The client wants another vocabulary.
    private func changeEvents() {
        // On the conversation path the codec itself has seen it.
        if parameters.endpoint == .device { dialect = parameters.makeDialect(limits: limits.recordings) }
        if parameters.events == .extended, isRoomReady { tellSession() }
    }

    private func configure(_ object: JSONObject) {
        if lifecycle.hasJoined,
            let late = object.members.first(where: {
                SessionParameters.namesFixedByJoining.contains($0.key) && !$0.value.isNull
            })
        {
            let message = "\(late.key) can be chosen only in the query or in a config message before anything else"
            tell(.error(ClientError(.tooLate, message)))
            return
        }
        let old = parameters
        do throws(InvalidParameter) {
            try parameters.apply(configuration: object)
            // A connection that has a session already cannot go over to another one.
            if parameters.resumeToken != old.resumeToken {
                throw InvalidParameter(
                    name: "session", value: "(not shown)",
                    allowed: "a resume token in the query of the URL, not in config")
            }
        } catch {
            return refuse(error)
        }
        if !lifecycle.hasJoined {
            if let room = parameters.room { roomName = room }
            if let identity = parameters.identity { self.identity = identity }
            do throws(SessionRefusal) {
                try examine()
            } catch {
                return refuse(error.error, error.reason)
            }
        }
        do throws(AudioCoderFailure) {
            if parameters.input != old.input { try uplink?.change(format: parameters.input, now: now) }
            try changeOutput()
        } catch {
            return fail(error)
        }
        if parameters.events != old.events { changeEvents() }
        brief()
        tell(.configured(instructions: parameters.instructions))
        warnOfUnknownParameters()
        clientSpoke()
    }
}
