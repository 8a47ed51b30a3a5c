package import PeerConnection
package import Signalling

/// A track of somebody else that we are subscribed to, and the section that carries it. Its sound goes from the jitter
/// buffer straight to the sink.
package final class SubscribedTrack {
    package let sid: String
    package let participantIdentity: String
    /// As it was when we were subscribed; later changes come as `RoomChange`s.
    package let info: TrackInfo
    private weak var connection: PeerConnection?
    private let section: Int

    /// - Parameter opener: what frames are decrypted with; nil for sound in clear.
    init(
        sid: String, participantIdentity: String, info: TrackInfo, connection: PeerConnection, section: Int,
        opener: (any FrameOpener)? = nil
    ) {
        self.sid = sid
        self.participantIdentity = participantIdentity
        self.info = info
        self.connection = connection
        self.section = section
        connection.setOpener(opener, on: section)
    }

    /// Plays the track's sound into `sink` from now on, or nowhere. The sink is held weakly.
    package func play(into sink: (any TrackSink)?) { connection?.setSink(sink, on: section) }

    /// The track is no longer ours, and its section may carry another.
    func end() {
        play(into: nil)
        connection?.setOpener(nil, on: section)
        connection = nil
    }
}
