internal import Signalling

/// What a room wants done, in order. Participants are named by their SIDs.
enum RoomOutput: Hashable {
    /// Send a signalling message.
    case signal(SignalResponse.Message, to: String)
    /// Send a serialized `DataPacket`.
    case data([UInt8], isReliable: Bool, to: String)
    /// Negotiate and forward a track. Report with `subscriptionEstablished` once it flows.
    case attach(track: TrackInfo, publisher: String, subscriber: String)
    /// Stop forwarding a track.
    case detach(track: String, subscriber: String)
    /// Stop or go on forwarding a track that stays negotiated.
    case pause(track: String, subscriber: String, isPaused: Bool)
    /// The participant is no longer in the room: end its connections once what was sent has left.
    case end(participant: String, reason: DisconnectReason)
    /// What the participant's token says is no longer so.
    case tokenOutdated(ParticipantInfo)
    /// A participant joined; the dispatcher is told.
    case joined(ParticipantInfo)
    /// A participant's first track became visible.
    case published(ParticipantInfo)
    /// A participant left.
    case left(ParticipantInfo)
    /// The room is over, and empty.
    case closed
}
