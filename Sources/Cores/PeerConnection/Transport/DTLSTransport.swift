package import Wire

/// Which side of the DTLS handshake an end plays: the client sends the first flight (`a=setup:active`).
package enum DTLSRole: Hashable, Sendable { case client, server }

/// A certificate fingerprint as SDP carries it (RFC 8122): hash name in lower case and the digest's bytes.
package struct CertificateFingerprint: Hashable, Sendable {
    /// For example `sha-256`.
    package let algorithm: String
    package let digest: [UInt8]

    package init(algorithm: String, digest: [UInt8]) {
        self.algorithm = algorithm
        self.digest = digest
    }
}

/// The SRTP protection profiles that we negotiate, with their DTLS numbers (RFC 5764, RFC 7714).
package enum SRTPProfile: UInt16, Hashable, Sendable {
    case aes128CMHMACSHA1_80 = 0x0001
    case aeadAES128GCM = 0x0007

    /// Bytes of one direction's master key.
    package var keyLength: Int { 16 }
    /// Bytes of one direction's master salt.
    package var saltLength: Int { self == .aeadAES128GCM ? 12 : 14 }
}

/// SRTP keys exported from a finished handshake (RFC 5764 section 4.2), already sorted by direction.
package struct SRTPKeys: Sendable {
    package let profile: SRTPProfile
    package let localKey: [UInt8]
    package let localSalt: [UInt8]
    package let remoteKey: [UInt8]
    package let remoteSalt: [UInt8]

    package init(profile: SRTPProfile, localKey: [UInt8], localSalt: [UInt8], remoteKey: [UInt8], remoteSalt: [UInt8]) {
        self.profile = profile
        self.localKey = localKey
        self.localSalt = localSalt
        self.remoteKey = remoteKey
        self.remoteSalt = remoteSalt
    }
}

/// What a DTLS association wants done.
package enum DTLSOutput: Sendable {
    /// Send this datagram to the peer.
    case transmit([UInt8])
    /// The handshake is over and the peer's certificate has one of the expected fingerprints.
    /// Keys are nil when no SRTP profile was agreed upon.
    case connected(SRTPKeys?)
    /// One application datagram (an SCTP packet).
    case received([UInt8])
    /// The peer sent close_notify.
    case closed
    /// The handshake or a record failed for good; the text is for the log.
    case failed(String)
}

/// One DTLS 1.2 association as a sans-I/O object: datagrams and time in, outputs and a deadline out.
/// After every call that mutates, drain `poll()`.
package protocol DTLSTransport: AnyObject {
    /// The fingerprint of our own certificate, for the SDP.
    var localFingerprint: CertificateFingerprint { get }
    /// When `handleTimeout` wants to be called; nil when nothing is due.
    var nextDeadline: Instant? { get }

    /// Starts the handshake. The peer's certificate must match one of `expecting`.
    func start(role: DTLSRole, expecting: [CertificateFingerprint], now: Instant)
    /// Takes one datagram whose first byte is 20 to 63 (RFC 7983).
    func receive(_ datagram: RawSpan, now: Instant)
    /// Sends one application datagram; dropped unless connected.
    func send(_ datagram: [UInt8])
    /// Retransmits what is due.
    func handleTimeout(now: Instant)
    /// The next thing to do, nil when drained.
    func poll() -> DTLSOutput?
    /// Sends close_notify once; later calls do nothing.
    func close()
}
