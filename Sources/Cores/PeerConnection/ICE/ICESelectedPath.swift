internal import Wire

/// The pair that carries the data, with all that its consent checks need. It outlives a restart: the old path
/// keeps its old credentials until a pair of the new generation takes over (RFC 8445, section 9).
struct ICESelectedPath {
    /// Consent checks that may still be answered; older ones are forgotten.
    static let maximumOutstandingChecks = 32

    let base: TransportAddress
    let remote: TransportAddress
    /// Which generation of credentials the pair was found with.
    let generation: Int
    let localCredentials: ICECredentials
    /// A lite agent may not know them.
    let remoteCredentials: ICECredentials?
    let reflexivePriority: UInt32
    let kind: ICEPathReport.Kind
    var priority: UInt64
    /// The last authenticated message, or the last traffic the owner told of.
    var lastHeard: Instant
    /// The last answer to a check of ours (RFC 7675).
    var lastConsent: Instant
    /// Controlled side: when the peer last said USE-CANDIDATE for this pair.
    var lastNomination: Instant
    var nextConsentCheck: Instant
    /// When the last check went out; nil before the first.
    var lastConsentCheck: Instant?
    /// When the first check went out since something was heard.
    var askedSince: Instant?
    var outstandingChecks: [STUNTransactionID] = []

    /// Since when the peer is asked and nothing is heard; nil when it has been heard since the last question.
    var unansweredSince: Instant? { askedSince.flatMap { lastHeard < $0 ? $0 : nil } }

    /// A check goes out.
    mutating func noteCheck(_ id: STUNTransactionID, now: Instant) {
        if unansweredSince == nil { askedSince = now }
        lastConsentCheck = now
        outstandingChecks.append(id)
        if outstandingChecks.count > Self.maximumOutstandingChecks { outstandingChecks.removeFirst() }
    }

    /// Not UDP straight to the peer: the agent goes on to look for that.
    var isDetour: Bool { kind != .udp }
}
