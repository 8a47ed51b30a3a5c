internal import ClientProtocol
internal import PeerConnection
package import Wire

/// The sound of the session.
extension BridgeSession: MediaTickClient, UplinkSink, DownlinkSink {
    func makeAudioPaths() throws(AudioCoderFailure) {
        let now = now
        uplink = try Uplink(
            format: parameters.input, limits: limits, coders: environment.coders, sink: self, now: now)
        uplink?.soundMeter = environment.meter
        downlink = try Downlink(
            format: delivery.format, cutting: delivery.cutting, limits: limits, coders: environment.coders, sink: self,
            now: now)
    }

    private var chosenDelivery: Delivery {
        Delivery(
            format: parameters.output, framing: parameters.outputFraming(hasSentBinary: hasSentBinary),
            frameMilliseconds: parameters.frameMilliseconds)
    }

    /// The client may want its sound otherwise from here on: it has said so, or has sent its first binary frame. What
    /// waits goes out as before.
    func changeOutput() throws(AudioCoderFailure) {
        let new = chosenDelivery
        guard new != delivery else { return }
        try downlink?.change(format: new.format, cutting: new.cutting, now: now)
        delivery = new
    }

    /// Wakes up when the next piece is due: a tick later the client may have run dry.
    func followPieces() {
        guard let deadline = downlink?.nextDeadline else { return }
        if pieceTimer == nil {
            pieceTimer = environment.clock.makeTimer { [weak self] in
                guard let self, !hasEnded else { return }
                downlink?.handleTimeout(now: now)
                followPieces()
            }
        }
        guard deadline != pieceDeadline else { return }
        pieceDeadline = deadline
        pieceTimer?.arm(at: deadline)
    }

    package func mediaTick(now: Instant) {
        guard let uplink, let downlink else { return }
        if let room { followLosses(room, uplink) }
        uplink.pump(now: now)
        downlink.tick(now: now)
        followPieces()
        var isAudible = downlink.isAudible
        if replies.isReplyFinished(isAudible: isAudible, now: now) {
            endReply()
            isAudible = downlink.isAudible
        }
        let isReplying = isAudible || replies.isReplying
        if turns.isNextTurn(isReplying: isReplying, isAtWork: replies.isAtWork, now: now) { tell(.replyFinished) }
    }

    /// The room's reports come every few seconds, and the way to them is long.
    private func followLosses(_ room: any RoomConnection, _ uplink: Uplink) {
        ticksToReport -= 1
        guard ticksToReport <= 0 else { return }
        ticksToReport = Self.ticksBetweenReports
        uplink.expect(lossPercent: room.reportedLossPercent)
    }

    /// The agent has said everything of its reply: all of it goes to the client.
    private func endReply() {
        downlink?.endReply(now: now)
        turns.endReply(now: now)
    }

    /// The same, when something new has begun already and nothing can be waited for.
    func finishReply() {
        endReply()
        turns.noteTold()
        tell(.replyFinished)
    }

    package func uplink(
        packet: UnsafeRawBufferPointer, timestamp: UInt32, samples: Int, isStart: Bool, level: UInt8?
    ) {
        room?.sendAudio(packet, timestamp: timestamp, samples: samples, isStart: isStart, level: level)
    }

    package func uplinkTurnPlayed() {
        turns.notePlayed(now: now)
        guard let method = environment.configuration.turnRPCMethod, let agent = agents.first else { return }
        room?.performRPC(to: agent, method: method, payload: "")
    }

    package func downlink(pcm: UnsafeRawBufferPointer) { sendAudio(pcm) }

    package func downlink(opus: UnsafeRawBufferPointer) { sendAudio(opus) }

    private func sendAudio(_ bytes: UnsafeRawBufferPointer) {
        if turns.noteSound() { tell(.replyStarted) }
        let format = delivery.format
        statistics.audioMessagesSent += 1
        lifecycle.noteActivity(now: now)
        statistics.audioBytesSent += bytes.count
        absentClient?.nextSound = format.duration(of: bytes)
        switch delivery.framing {
        case .binary: client.send(audio: bytes)
        case .json: client.send(audioText: AudioMessage.json([UInt8](bytes)))
        case .wav: if let text = AudioMessage.wav([UInt8](bytes), format: format) { client.send(audioText: text) }
        }
        if let packetArrival { environment.meter?.played(arrival: packetArrival) }
    }

    /// How the client gets the agent's sound.
    struct Delivery: Hashable {
        var format: AudioFormat
        var framing: OutputFraming
        var frameMilliseconds: Int

        var cutting: OutputCutting { framing == .wav ? .files : .frames(milliseconds: frameMilliseconds) }
    }
}

extension AudioFormat {
    /// How long these bytes sound.
    fileprivate func duration(of bytes: UnsafeRawBufferPointer) -> Duration {
        guard let bytesPerFrame = bytesPerSampleFrame, bytesPerFrame > 0, sampleRate > 0 else {
            return .microseconds(Int64(OpusPacket(bytes)?.sampleCount ?? 0) * 1_000_000 / 48_000)
        }
        return .microseconds(Int64(bytes.count / bytesPerFrame) * 1_000_000 / Int64(sampleRate))
    }
}
