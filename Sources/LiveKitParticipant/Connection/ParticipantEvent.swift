internal import Observability
package import Signalling

/// A packet of application data.
package struct DataMessage: Hashable, Sendable {
    package let payload: [UInt8]
    package let topic: String
    /// Empty for a packet that the server API sent.
    package let senderIdentity: String
    package let isReliable: Bool
}

/// How a session ended.
package enum ParticipantEnding: Hashable, Sendable {
    /// We left.
    case left
    /// The server ended it.
    case removed(DisconnectReason)
    /// It could not be had, or not be kept.
    case failed(ParticipantError)

    func tell(_ log: Log) {
        switch self {
        case .left: log.info("participant left")
        case .removed(let reason): log.info("participant removed", ["reason": reason.name])
        case .failed(let error): log.warning("participant ended", ["error": "\(error)"])
        }
    }
}

/// What happens to a participant. Sound goes from each subscribed track to the sink that it was given.
package enum ParticipantEvent {
    /// The server has let us in and has told the room and who is in it. Media connects next. The event repeats when the
    /// connection is lost before media is up.
    case joined(RoomInfo, ParticipantInfo)
    /// Media and data can flow now.
    case connected
    /// The room changed.
    case room(RoomChange)
    /// We hear a track from now on.
    case trackSubscribed(SubscribedTrack)
    case trackUnsubscribed(SubscribedTrack)
    /// Our microphone has its sid; what is sent from now on is heard.
    case microphonePublished(TrackInfo)
    /// The server did not take our track.
    case microphoneRefused(String)
    /// The server muted or unmuted our track.
    case microphoneMuted(Bool)
    /// Somebody hears our track for the first time.
    case microphoneSubscribed
    case data(DataMessage)
    case chat(ChatMessage, senderIdentity: String)
    /// Somebody presses a telephone key.
    case dtmf(SipDTMF, senderIdentity: String)
    case stream(DataStreamEvent)
    case transcript(TranscriptUpdate)
    /// Somebody calls us; answer with `respond`.
    case rpc(RPCInvocation)
    /// Media does not come up, and why; it is still tried.
    case mediaDelayed(ParticipantError)
    /// Whether what somebody says can be decrypted.
    case encryption(RoomEncryption.News)
    /// The connection is away; reliable data waits, and sound is lost unless `mediaFlows` says otherwise.
    case reconnecting
    /// While the connection is away: whether our sound arrives all the same, because the media path lives.
    case mediaFlows(Bool)
    /// It is back. `isNewSession` says that we have another sid and another track, and that data may be lost.
    case reconnected(isNewSession: Bool)
    /// Over; the last event, and exactly one.
    case disconnected(ParticipantEnding)
}

/// Who uses a participant. All calls come on the loop.
package protocol RoomParticipantDelegate: AnyObject {
    func participant(_ participant: RoomParticipant, event: ParticipantEvent)
}
