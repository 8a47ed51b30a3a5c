internal import PeerConnection
internal import Signalling

/// What happens in a media session.
enum MediaSessionEvent {
    /// Connections or negotiation have come further.
    case progressed
    /// Media does not come up; why, as far as it is known. It is still tried.
    case delayed(ParticipantError)
    case failed(ReconnectReason, ParticipantError, mayResume: Bool)
    /// A message for the server.
    case send(SignalRequest.Message)
    /// One data packet.
    case data([UInt8])
    /// Which track the section with a mid carries.
    case trackMap([String: String])
    case trackAdded(RemoteTrack)
    case trackRemoved(section: Int)
}

protocol MediaSessionDelegate: AnyObject {
    func session(_ session: MediaSession, event: MediaSessionEvent)
}
