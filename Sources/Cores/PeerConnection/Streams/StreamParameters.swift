/// What was agreed upon for the media of one section: all that its streams need to know of the negotiation.
struct StreamParameters: Hashable {
    /// Which section, counted from zero.
    let section: Int
    let mid: String
    /// Whether we send, and whether we receive, from now on.
    var sends = false
    var receives = false
    /// The negotiated payload types; nil where there is none.
    var opusPayloadType: UInt8?
    var redPayloadType: UInt8?
    /// Lost packets are asked for, and sent again on request.
    var hasNACK = false
    /// The numbers of the header extensions (RFC 8285); nil where they were not negotiated.
    var midExtensionID: UInt8?
    var audioLevelExtensionID: UInt8?
}

/// What a description changes for the streams of one section.
struct StreamUpdate {
    /// What the peer says of a track on the section.
    enum Announcement: Hashable {
        /// Nothing new.
        case unchanged
        /// There is no track, or no longer.
        case none
        case track(RemoteTrack)
    }

    let parameters: StreamParameters
    let announcement: Announcement
}

/// What the streams want their owner to do or to know, in order.
enum StreamOutput {
    /// Protect this compound RTCP packet and send it.
    case control([UInt8])
    /// Send this packet again; it is protected already.
    case resend([UInt8])
    case event(PeerConnectionEvent)
}

/// Sound as it is handed over. Borrowed bytes are valid during the call that it is passed to.
enum ReceivedSound: ~Escapable {
    /// Of a section in `ordered` mode.
    case ordered(section: Int, JitterBufferOutput)
    /// Of a section in `raw` mode.
    case raw(ReceivedRTPPacket)
}
