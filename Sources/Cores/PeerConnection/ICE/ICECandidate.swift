package import Wire

/// One transport address that an agent can be reached at, as it stands in a session description (RFC 8445,
/// section 5.1; RFC 8839, section 5.1).
package struct ICECandidate: Hashable, Sendable {
    /// How the address was found.
    package enum Kind: String, Hashable, Sendable {
        case host
        case serverReflexive = "srflx"
        case peerReflexive = "prflx"
        case relayed = "relay"

        /// The type preference that RFC 8445, section 5.1.2.2 recommends.
        package var preference: UInt32 {
            switch self {
            case .host: 126
            case .peerReflexive: 110
            case .serverReflexive: 100
            case .relayed: 0
            }
        }
    }

    /// What carries the packets.
    package enum Transport: Hashable, Sendable {
        case udp
        /// With the `tcptype` (RFC 6544): `active` opens connections, `passive` takes them; others are not used.
        case tcp(type: String)

        package static let active = Transport.tcp(type: "active")
        package static let passive = Transport.tcp(type: "passive")

        package var isStream: Bool { self != .udp }
    }

    /// An extension pair at the end of the line, for instance `generation 0`.
    package struct Extension: Hashable, Sendable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Candidates with the same foundation are likely to work or fail together. 1 to 32 characters.
    package var foundation: String
    /// 1 for RTP; 2 for RTCP, which does not exist with rtcp-mux: such candidates are to be ignored.
    package var component: Int
    package var transport: Transport
    /// 1 to 2³¹ − 1.
    package var priority: UInt32
    package var address: TransportAddress
    package var kind: Kind
    /// `raddr` and `rport` of candidates that are not host candidates.
    package var relatedAddress: TransportAddress?
    package var extensions: [Extension]

    /// The largest priority that RFC 8445 allows; larger ones are cut to it, so that pair priorities fit.
    package static let maximumPriority: UInt32 = 0x7FFF_FFFF

    package init(
        foundation: String, component: Int = 1, transport: Transport = .udp, priority: UInt32,
        address: TransportAddress, kind: Kind, relatedAddress: TransportAddress? = nil, extensions: [Extension] = []
    ) {
        self.foundation = foundation
        self.component = component
        self.transport = transport
        self.priority = priority
        self.address = address
        self.kind = kind
        self.relatedAddress = relatedAddress
        self.extensions = extensions
    }

    /// A UDP host candidate for a socket of our own.
    ///
    /// - Parameter index: the socket's place among ours, most preferred first; it becomes the local preference.
    package init(host address: TransportAddress, index: Int = 0) {
        self.init(
            foundation: Self.foundation(kind: .host, base: address.ip),
            priority: Self.priority(kind: .host, localPreference: UInt16(clamping: 65535 - index)),
            address: address, kind: .host)
    }

    /// A TCP host candidate: a listening socket of our own, or a way to open connections.
    ///
    /// - Parameter index: its place among our candidates; it becomes the local preference.
    package init(stream address: TransportAddress, _ transport: Transport, index: Int) {
        self.init(
            foundation: Self.foundation(kind: .host, base: address.ip, protocolName: "tcp"), transport: transport,
            priority: Self.priority(kind: .host, localPreference: UInt16(clamping: 65535 - index), isStream: true),
            address: address, kind: .host)
    }

    /// The username fragment of the generation that this candidate belongs to, when the sender said so.
    package var usernameFragment: String? { extensions.first { $0.name == "ufrag" }?.value }

    /// How much lower the type preference is over TCP, so that any direct way over UDP comes before any over TCP
    /// (RFC 6544, section 4.2).
    static let streamPenalty: UInt32 = 27

    /// RFC 8445, section 5.1.2.1.
    package static func priority(
        kind: Kind, localPreference: UInt16, component: Int = 1, isStream: Bool = false
    ) -> UInt32 {
        let preference = isStream ? kind.preference - min(kind.preference, streamPenalty) : kind.preference
        return preference << 24 | UInt32(localPreference) << 8 | UInt32(clamping: 256 - component)
    }

    /// Equal for candidates of the same type from the same address over the same protocol (RFC 8445, section 5.1.1.3),
    /// in any process at any time: a checksum of just that.
    package static func foundation(kind: Kind, base: IPAddress, protocolName: String = "udp") -> String {
        String(CRC32.checksum("\(kind.rawValue) \(protocolName) \(base)".utf8))
    }

    /// The priority of a pair (RFC 8445, section 6.1.2.3): dominated by the worse of the two candidates, so that
    /// both agents sort alike.
    static func pairPriority(controlling: UInt32, controlled: UInt32) -> UInt64 {
        let first = UInt64(min(controlling, maximumPriority))
        let second = UInt64(min(controlled, maximumPriority))
        return min(first, second) << 32 + 2 * max(first, second) + (first > second ? 1 : 0)
    }
}
