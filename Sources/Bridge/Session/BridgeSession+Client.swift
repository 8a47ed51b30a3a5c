internal import ClientProtocol
internal import Wire

/// What comes from the client.
extension BridgeSession {
    /// A binary message. The bytes are not needed after the call.
    package func receive(binary bytes: UnsafeRawBufferPointer) {
        guard takesMessage() else { return }
        // SAFETY: the bytes are only read during the call.
        let message = unsafe link.decode(binary: bytes.assumingMemoryBound(to: UInt8.self).span)
        for output in message.outputs { act(on: output) }
        if let audio, audio.delivery != link.delivery { changeAudio() }
        let sound = message.sound.clamped(to: 0..<bytes.count)
        guard !sound.isEmpty || bytes.count == 0 else { return perform() }
        link.countAudio(bytes: sound.count)
        clientSpoke()
        // SAFETY: the bytes are only read during the call.
        noteAppended(unsafe audio?.uplink?.append(UnsafeRawBufferPointer(rebasing: bytes[sound]), now: now))
    }

    /// A text message.
    package func receive(text bytes: [UInt8]) {
        guard takesMessage() else { return }
        for output in link.decode(bytes) { act(on: output) }
        perform()
    }

    /// A message was too large to be received.
    package func skipped(messageOf byteCount: Int) {
        guard takesMessage() else { return }
        let limit = environment.configuration.limits.maximumMessageBytes
        link.complain(
            ClientError(.invalidMessage, "The message has \(byteCount) bytes. At most \(limit) are accepted."), now: now
        )
        clientSpoke()
    }

    /// Counts a message; false when the session does not take it.
    private func takesMessage() -> Bool {
        guard !hasEnded else { return false }
        let now = now
        lifecycle.noteActivity(now: now)
        guard let error = link.countMessage(now: now) else { return true }
        if link.descriptor.floods == .tells {
            link.complain(error, now: now)
        } else {
            refuse(error, .rateLimited)
        }
        return false
    }

    private func act(on output: DialectOutput) {
        guard !hasEnded else { return }
        switch output {
        case .event(let event): act(on: event)
        case .reply(let event):
            if case .error = event { link.countFault() }
            link.tell(event)
        case .send(let frame): link.send(frame)
        }
    }

    private func act(on event: ClientEvent) {
        switch event {
        case .configure(let object): configure(object)
        case .ping(let id): link.tell(.pong(id: id))
        // Keys are checked where the connection is accepted.
        case .authenticate: break
        case .audio(let bytes):
            link.countAudio(bytes: bytes.count)
            clientSpoke()
            // SAFETY: the bytes are only read during the call.
            noteAppended(unsafe bytes.withUnsafeBytes { unsafe audio?.uplink?.append($0, now: now) })
        case .opusPacket(let bytes):
            link.countAudio(bytes: bytes.count)
            clientSpoke()
            // SAFETY: the bytes are only read during the call.
            noteAppended(
                unsafe bytes.withUnsafeBytes { unsafe audio?.uplink?.append(opus: $0, isRecorded: true, now: now) })
        case .recording(let samples, let sampleRate):
            clientSpoke()
            do throws(AudioCoderFailure) {
                try audio?.uplink?.append(recording: samples, sampleRate: sampleRate, now: now)
            } catch {
                link.tell(.error(ClientError(.invalidAudio, error.message)))
            }
            noteAppended(true)
        case .playedOut: link.notePlayedOut()
        case .hangUp:
            handle(.clientGone)
            link.close(code: 1000, reason: "")
        case .mute, .unmute:
            audio?.uplink?.setMuted(event == .mute, now: now)
            room.connection?.setMuted(event == .mute)
        case .endTurn:
            clientSpoke()
            conversation.endTurn()
            audio?.uplink?.endTurn(now: now)
        case .interrupt: interrupt()
        case .text, .data, .dtmf:
            clientSpoke()
            deliver(event)
        }
    }

    private func clientSpoke() {
        if !lifecycle.hasJoined { handle(.clientSpoke) }
    }

    /// Tells the client what became of its sound.
    /// - Parameter isSound: false when the message cannot be sound; nil when nobody takes it any more.
    private func noteAppended(_ isSound: Bool?) {
        if isSound == false {
            link.complain(ClientError(.invalidAudio, "this message is not an Opus packet (RFC 6716)"), now: now)
        }
        if let error = audio?.takeDropReport() { link.tell(.error(error)) }
    }

    /// The client wants the agent to stop. It is heard no more at once, whatever it makes of the request.
    private func interrupt() {
        let agents = roster.agents
        if let room = room.connection, let first = agents.first {
            let message: JSONValue = ["type": "interrupt"]
            room.publishData(message.serializedBytes(), topic: RoomTopics.interrupt, destinations: agents)
            if let method = environment.configuration.interruptRPCMethod {
                room.performRPC(to: first, method: method, payload: "")
            }
        }
        if let audio, audio.isAudible || conversation.agentState == .speaking {
            let end = now + environment.configuration.limits.interruptionSilence
            for agent in agents { audio.downlink?.suppress(agent, until: end) }
        }
        dropPlayback()
        link.tell(.interrupted)
    }

    // MARK: Configuration

    private func configure(_ object: JSONObject) {
        do throws(SessionRefusal) {
            if let error = try caller.configure(object, isInRoom: lifecycle.hasJoined) {
                return link.tell(.error(error))
            }
        } catch {
            return refuse(error.error, error.reason)
        }
        let isNewlyTold = link.adopt(caller.parameters)
        guard changeAudio() else { return }
        if isNewlyTold, room.isJoined { link.tell(.session(caller.summary(session: id))) }
        brief()
        link.tell(.configured(instructions: caller.parameters.instructions))
        warnOfUnknownParameters()
        clientSpoke()
    }

    /// What has no effect is not passed over in silence.
    func warnOfUnknownParameters() {
        for unknown in caller.takeUnknownParameters() { link.tell(.warning(unknown)) }
    }

    /// The client may send and want its sound otherwise from here on; false when that cannot be.
    @discardableResult
    private func changeAudio() -> Bool {
        do throws(AudioCoderFailure) {
            try audio?.change(input: caller.parameters.input)
            try audio?.change(delivery: link.delivery)
            return true
        } catch {
            fail(error)
            return false
        }
    }
}
