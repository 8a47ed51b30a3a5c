internal import ClientProtocol
internal import PeerConnection
package import Wire

/// The sound of the session.
extension BridgeSession: MediaTickClient, UplinkSink, DownlinkSink {
    /// Pieces for clients that play each message as a file: the first one short, so that the agent is heard soon.
    private static let filePieces = OutputFramer.Pieces(first: 200, later: 1000)

    func makeAudioPaths() throws(AudioCoderFailure) {
        let now = now
        uplink = try Uplink(
            format: parameters.input, limits: limits, coders: environment.coders, sink: self, now: now)
        uplink?.soundMeter = environment.meter
        downlink = try makeDownlink(now: now)
    }

    private func makeDownlink(now: Instant) throws(AudioCoderFailure) -> Downlink {
        let framing = parameters.outputFraming(hasSentBinary: hasSentBinary)
        let pieces = framing == .wav ? Self.filePieces : .equal(parameters.frameMilliseconds)
        return try Downlink(
            format: parameters.output, pieces: pieces, limits: limits, coders: environment.coders, sink: self, now: now)
    }

    /// The client wants another output format: tracks go on in it.
    func remakeDownlink() throws(AudioCoderFailure) {
        let now = now
        if let old = downlink {
            statistics.packetsReceived += old.packetsReceived
            statistics.downlinkConcealed += old.concealed
            statistics.downlinkRecovered += old.recovered
            statistics.undecodable += old.undecodable
        }
        let new = try makeDownlink(now: now)
        for (track, owner) in trackOwners { try new.addTrack(track, participant: owner, now: now) }
        downlink = new
    }

    package func mediaTick(now: Instant) {
        guard let uplink, let downlink else { return }
        if let room { uplink.expect(lossPercent: room.reportedLossPercent) }
        uplink.pump(now: now)
        downlink.tick(now: now)
        if replies.isReplyFinished(isAudible: downlink.isAudible, now: now) { tell(.replyFinished) }
    }

    package func uplink(
        packet: UnsafeRawBufferPointer, timestamp: UInt32, samples: Int, isStart: Bool, level: UInt8?
    ) {
        room?.sendAudio(packet, timestamp: timestamp, samples: samples, isStart: isStart, level: level)
    }

    package func downlink(pcm: UnsafeRawBufferPointer) { sendAudio(pcm, format: parameters.output) }

    package func downlink(opus: UnsafeRawBufferPointer) { sendAudio(opus, format: parameters.output) }

    private func sendAudio(_ bytes: UnsafeRawBufferPointer, format: AudioFormat) {
        statistics.audioMessagesSent += 1
        lifecycle.noteActivity(now: now)
        statistics.audioBytesSent += bytes.count
        if let packetArrival { environment.meter?.played(arrival: packetArrival) }
        absentClient?.nextSound = format.duration(of: bytes)
        switch parameters.outputFraming(hasSentBinary: hasSentBinary) {
        case .binary: client.send(audio: bytes)
        case .json: client.send(audioText: AudioMessage.json([UInt8](bytes)))
        case .wav: if let text = AudioMessage.wav([UInt8](bytes), format: format) { client.send(audioText: text) }
        }
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
