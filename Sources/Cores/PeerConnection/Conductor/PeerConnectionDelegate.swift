package import Wire

/// How a peer connection is doing; the names are those of RTCPeerConnection.
package enum PeerConnectionState: Hashable, Sendable {
    case new
    case connecting
    /// ICE and DTLS are up: media and data flow.
    case connected
    /// Nothing is heard at the moment; it may come back by itself, or by an ICE restart.
    case disconnected
    /// Only an ICE restart helps, and not even that when DTLS failed.
    case failed
    case closed
}

/// What happened on a peer connection. Events come in order, after the call that caused them has done its work.
package enum PeerConnectionEvent: Hashable, Sendable {
    case stateChanged(PeerConnectionState)
    /// The peer announced a track, or sent packets of one that it had not named.
    case trackAdded(RemoteTrack)
    /// The peer withdrew it, or re-used its section for another.
    case trackRemoved(RemoteTrack)
    /// The peer said goodbye on behalf of a track's source (RTCP BYE).
    case sourceEnded(section: Int)
    /// Data channels can be used; those opened before become open now.
    case dataChannelsConnected
    case channelOpened(DataChannelID, label: String, isRemote: Bool)
    case channelMessage(DataChannelID, [UInt8], isText: Bool)
    /// What waits to be sent on a channel has fallen to its threshold.
    case channelBufferedAmountLow(DataChannelID)
    case channelClosed(DataChannelID)
    /// The peer closed the connection (close_notify); `stateChanged(.closed)` follows.
    case closedByPeer
    /// DTLS failed; the text is for the log. `stateChanged(.failed)` follows.
    case transportFailed(String)
}

/// Takes what a peer connection puts out, synchronously, on the caller's thread.
///
/// The calls come from inside the connection's own functions. The delegate may call the connection from them; what
/// that causes is delivered as soon as the outer call has got there.
package protocol PeerConnectionDelegate: AnyObject {
    /// Send one datagram from the socket bound to `base`. The bytes are valid during the call only.
    func peerConnection(
        _ connection: PeerConnection, transmit datagram: RawSpan, from base: TransportAddress,
        to destination: TransportAddress)
    func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent)
    /// Open a TCP connection from our active candidate `base`; `streamOpened` or `streamClosed` answers, later. Datagrams
    /// from `base` then go over it, framed (RFC 4571).
    func peerConnection(
        _ connection: PeerConnection, openStreamFrom base: TransportAddress, to destination: TransportAddress)
    /// That connection is not needed any more.
    func peerConnection(
        _ connection: PeerConnection, closeStreamFrom base: TransportAddress, to destination: TransportAddress)
    /// UDP has not come up straight, and addresses at TURN servers would help, for peers of one family (`mayRelay`).
    func peerConnection(_ connection: PeerConnection, wantsRelayForV6 isV6: Bool)
    /// Sound of a track in `ordered` mode for which no sink is set. Borrowed bytes are valid during the call only.
    func peerConnection(_ connection: PeerConnection, section: Int, released output: JitterBufferOutput)
    /// A packet of a track in `raw` mode. Borrowed bytes are valid during the call only.
    func peerConnection(_ connection: PeerConnection, received packet: ReceivedRTPPacket)
}

extension PeerConnectionDelegate {
    package func peerConnection(
        _ connection: PeerConnection, openStreamFrom base: TransportAddress, to destination: TransportAddress
    ) {}
    package func peerConnection(
        _ connection: PeerConnection, closeStreamFrom base: TransportAddress, to destination: TransportAddress
    ) {}
    package func peerConnection(_ connection: PeerConnection, wantsRelayForV6 isV6: Bool) {}
    package func peerConnection(_ connection: PeerConnection, section: Int, released output: JitterBufferOutput) {}
    package func peerConnection(_ connection: PeerConnection, received packet: ReceivedRTPPacket) {}
}
