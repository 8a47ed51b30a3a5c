/// How the packets of a remote track are handed over.
package enum ReceiveMode: Hashable, Sendable {
    /// Through a jitter buffer: in order, with losses and pauses reported. For those who decode.
    case ordered
    /// As they come. For those who forward.
    case raw
}

/// What a peer connection is made with.
package struct PeerConnectionConfiguration: Sendable {
    /// Timers and modes of ICE. The role is set by who offers first.
    package var ice = ICEConfiguration()
    /// The DTLS role that we take when an offer leaves the choice to us. LiveKit servers take the client's.
    package var preferredDTLSRole = DTLSRole.client
    package var dataChannels = DataChannelMux.Configuration()
    /// The canonical name in SDES and SDP; empty draws one.
    package var cname = ""
    /// How remote tracks are handed over, unless a section says otherwise.
    package var receiveMode = ReceiveMode.ordered
    /// Whether redundant audio (RFC 2198) is offered and accepted.
    package var acceptsRED = false
    /// Whether lost packets are asked for, and sent again on request.
    package var usesRetransmission = true
    /// What `a=fmtp` says of the Opus that we want to receive (RFC 7587).
    package var opusParameters = "minptime=10;useinbandfec=1"

    package init() {}
}

extension PeerConnectionConfiguration {
    /// What of it the negotiation needs.
    func negotiation(cname: String) -> Negotiation.Options {
        let association = dataChannels.association
        return Negotiation.Options(
            cname: cname, acceptsRED: acceptsRED, usesRetransmission: usesRetransmission,
            opusParameters: opusParameters, localPort: association.localPort, remotePort: association.remotePort,
            maximumMessageSize: association.maximumReceiveMessageSize)
    }
}
