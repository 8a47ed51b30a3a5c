internal import Wire

/// What the transport wants its owner to do or to know, in order.
enum TransportOutput {
    /// Send one datagram from the socket bound to `from`.
    case transmit([UInt8], from: TransportAddress, to: TransportAddress)
    /// Open a TCP connection for our candidate `from`.
    case openStream(from: TransportAddress, to: TransportAddress)
    case closeStream(from: TransportAddress, to: TransportAddress)
    /// Addresses at TURN servers would help, for peers of one family.
    case relayWanted(isV6: Bool)
    /// DTLS is connected; `protectsMedia` unless no SRTP profile was agreed upon.
    case connected(protectsMedia: Bool)
    /// One application datagram: an SCTP packet.
    case received([UInt8])
    /// The peer sent close_notify.
    case closedByPeer
    /// The handshake or a record failed for good; the text is for the log.
    case failed(String)
}

/// What a datagram was.
enum ReceivedDatagram: Equatable {
    /// An RTP packet, decrypted in place, of so many bytes.
    case rtp(length: Int)
    /// A compound RTCP packet, decrypted in place, of so many bytes.
    case rtcp(length: Int)
    /// A forgery, a repeat, or one that came before there were keys.
    case rejected
    /// STUN or DTLS: the transport has taken it.
    case taken
    /// Of no known kind.
    case unknown
}

/// What our descriptions say of our end of the transport.
struct LocalTransport {
    let credentials: ICECredentials
    let fingerprint: CertificateFingerprint
    /// As they are trickled: `candidate:…`.
    let candidates: [String]
    let isLite: Bool
}

/// What the peer's description says of its end.
struct RemoteTransport {
    let credentials: ICECredentials
    let fingerprints: [CertificateFingerprint]
    let setup: DTLSSetup?
    let isLite: Bool
    let candidates: [ICECandidate]
}
