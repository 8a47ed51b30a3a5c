package import ClientProtocol

/// What the operator has decided about who may connect and how often.
package struct AdmissionPolicy: Sendable {
    /// What happens when somebody joins a room under an identity that is there already.
    package enum DuplicateIdentity: String, Hashable, Sendable, CaseIterable {
        /// The newcomer takes the place of the other, as LiveKit has it.
        case takeOver = "take-over"
        /// The newcomer is refused.
        case refuse
    }

    /// Which agents clients may ask for.
    package enum AgentChoice: Hashable, Sendable {
        case any
        case only([String])
    }

    /// The keys of which a client needs one; nil when none is needed.
    package var keys: APIKeys?
    /// The header in which a key comes.
    package var keyHeader = "X-API-Key"
    /// How fast the requests of one client may come; nil for as fast as they like.
    package var rateLimit: RateLimit?
    package var origins = OriginAllowList.all
    package var proxies = TrustedProxies.none
    /// Whether a client without an access token may name its room.
    package var allowsRooms = true
    /// Whether a client without an access token may name its identity.
    package var allowsIdentities = true
    package var agents = AgentChoice.any
    package var duplicates = DuplicateIdentity.takeOver
    /// WebSockets in all.
    package var maximumConnections = 10_000
    /// WebSockets of one address, and of one key; 0 for no limit.
    package var maximumConnectionsPerAddress = 0
    package var maximumConnectionsPerKey = 0
    /// How long a client that has shown no key may take to send one as its first message.
    package var keyWait = Duration.seconds(5)

    package init() {}
}
