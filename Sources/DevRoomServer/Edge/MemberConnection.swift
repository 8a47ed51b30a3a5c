internal import Signalling

/// A participant as its room's host sees it: over the network or inside this process.
protocol MemberConnection: AnyObject {
    func send(_ message: SignalResponse.Message)
    /// A serialized `DataPacket`.
    func send(data packet: [UInt8], isReliable: Bool)
    /// From now on the member shall get the track.
    func attach(_ track: ForwardedTrack)
    func detach(track sid: String)
    func pause(track sid: String, isPaused: Bool)
    /// What the member is, or may do, is no longer what its token says.
    func renewToken(_ info: ParticipantInfo)
    /// How well the member is connected, judged since the last call; nil when there is nothing to judge.
    func takeQuality() -> ConnectionQuality?
    /// The member is no longer in the room.
    func end(_ reason: DisconnectReason)
}
