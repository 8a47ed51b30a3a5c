internal import PeerConnection
internal import Wire

/// The end of a subscribed track in a session: takes its sound from the jitter buffer and has it played.
final class TrackPlayback: TrackSink {
    let track: any RoomTrack
    /// Another one when the client wants another rate; nil while other tracks have more to say.
    var decoder: StreamDecoder?
    /// When it was heard last, or got its decoder.
    var lastHeard = Instant.zero
    var isMuted = false
    /// What it is to the client.
    var role = SoundRole.voice
    private unowned let path: AudioPath

    /// - Parameter path: owns this object.
    init(_ track: any RoomTrack, path: AudioPath) {
        self.track = track
        self.path = path
        track.play(into: self)
    }

    func receive(_ sound: JitterBufferOutput) {
        guard let (downlink, decoder, now) = path.beginReceiving(sound, self) else { return }
        downlink.receive(sound, decoder, now: now)
        path.endReceiving(self, decoder)
    }

    func end() { track.play(into: nil) }
}

extension JitterBufferOutput {
    /// A packet of silence, as DTX sends one each 400 ms, has fewer bytes; one of speech has more.
    private static var shortestSpeech: Int { 16 }
    /// In dB below full scale: that of a room without a voice.
    private static var silence: UInt8 { 60 }

    /// Whether this may be sound, by its sender's word or by its size.
    var isAudible: Bool {
        guard case .packet(let packet, _) = self else { return false }
        if let level = packet.audioLevel { return level.negatedDecibels < Self.silence }
        return packet.payload.byteCount >= Self.shortestSpeech
    }
}
