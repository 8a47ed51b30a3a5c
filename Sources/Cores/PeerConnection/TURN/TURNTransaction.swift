internal import Wire

/// A request to a TURN server that has not been answered, and when it is sent again (RFC 8489, section 6.2.1).
struct TURNTransaction {
    enum Purpose: Hashable {
        case allocate
        /// Zero seconds give the allocation back.
        case refresh(seconds: UInt32)
        /// Binds a channel to the peer at an index, which gives permission as well.
        case bind(peer: Int)
    }

    static let initialTimeout = Duration.milliseconds(500)
    static let maximumTimeout = Duration.seconds(2)
    static let maximumTransmissions = 7
    /// How long an answer may take over TCP and TLS, which repeat by themselves.
    static let reliableTimeout = Duration.seconds(10)

    let id: STUNTransactionID
    let purpose: Purpose
    /// The same bytes each time.
    let bytes: [UInt8]
    /// How often the server has asked for another nonce.
    let challenges: Int
    private var transmissions = 1
    private var timeout: Duration
    /// When to send again, or to give up.
    private(set) var next: Instant

    init(
        id: STUNTransactionID, purpose: Purpose, bytes: [UInt8], challenges: Int, isReliable: Bool, now: Instant
    ) {
        self.id = id
        self.purpose = purpose
        self.bytes = bytes
        self.challenges = challenges
        transmissions = isReliable ? Self.maximumTransmissions : 1
        timeout = isReliable ? Self.reliableTimeout : Self.initialTimeout
        next = now + timeout
    }

    /// Plans the next transmission; false when there is none any more.
    mutating func retransmit(now: Instant) -> Bool {
        guard transmissions < Self.maximumTransmissions else { return false }
        transmissions += 1
        timeout = min(timeout * 2, Self.maximumTimeout)
        next = now + timeout
        return true
    }
}
