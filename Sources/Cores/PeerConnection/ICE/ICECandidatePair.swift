internal import Wire

/// One row of the checklist: a socket of ours and an address of the peer (RFC 8445, section 6.1.2).
///
/// There is no frozen state: with one component and one stream nothing could ever be learned from another pair.
struct ICECandidatePair {
    enum State {
        /// To be checked when it is the first in line.
        case waiting
        /// A check is out.
        case inProgress
        /// A check came back: the pair is valid.
        case succeeded
        /// The peer did not answer, or refused.
        case failed
    }

    /// What carries its packets.
    enum Carrier {
        case datagrams
        /// A connection that the peer has opened.
        case acceptedStream
        /// A connection that is ours to open before anything is sent.
        case openedStream
        /// Datagrams by way of a TURN server.
        case relay
    }

    /// The socket of ours.
    let base: TransportAddress
    let remote: TransportAddress
    let carrier: Carrier
    /// The priority of our candidate, as the peer knows it.
    let localPriority: UInt32
    /// The priority that our candidate would have if the peer learned it from a check.
    let reflexivePriority: UInt32
    var remotePriority: UInt32
    /// RFC 8445, section 6.1.2.3; depends on the role.
    var priority: UInt64 = 0
    var state = State.waiting
    /// Controlled side: the peer has nominated this pair; it is selected once it is valid.
    var isNominated = false
    /// An authenticated message has come from the far address to this socket.
    var isHeard = false
    /// When the pair became valid.
    var validSince: Instant?
    /// The shortest exchange seen on this pair that needed no retransmission.
    var roundTripTime: Duration?
    /// The check that is out.
    var check: ICECheck?
    /// Why the pair has failed.
    var failure: ICEPathFailure?

    var isStream: Bool { carrier == .acceptedStream || carrier == .openedStream }
    /// UDP, straight to the peer.
    var isDirect: Bool { carrier == .datagrams }
    var kind: ICEPathReport.Kind { isStream ? .tcp : isDirect ? .udp : .relay }

    mutating func updatePriority(role: ICERole) {
        priority =
            switch role {
            case .controlling: ICECandidate.pairPriority(controlling: localPriority, controlled: remotePriority)
            case .controlled: ICECandidate.pairPriority(controlling: remotePriority, controlled: localPriority)
            }
    }
}

/// A connectivity check under way: one STUN transaction and its retransmissions.
struct ICECheck {
    let transactionID: STUNTransactionID
    /// The same bytes each time.
    let bytes: [UInt8]
    /// The role that the request claimed.
    let role: ICERole
    /// The request carries USE-CANDIDATE.
    let isNominating: Bool
    let firstSent: Instant
    var transmissions = 1
    var timeout: Duration
    /// When to send again, or to give up.
    var nextTransmission: Instant
}
