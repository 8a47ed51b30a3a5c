internal import PeerConnection

/// The end of a subscribed track in a session: takes its sound from the jitter buffer and has it played.
final class TrackPlayback: TrackSink {
    let track: any RoomTrack
    /// Another one when the client wants another rate.
    var decoder: StreamDecoder
    private unowned let path: AudioPath

    /// - Parameter path: owns this object.
    init(_ track: any RoomTrack, decoder: StreamDecoder, path: AudioPath) {
        self.track = track
        self.decoder = decoder
        self.path = path
        track.play(into: self)
    }

    func receive(_ sound: JitterBufferOutput) {
        guard let (downlink, now) = path.beginReceiving(sound) else { return }
        downlink.receive(sound, decoder, now: now)
        path.endReceiving()
    }

    func end() { track.play(into: nil) }
}
