internal import ClientProtocol
internal import EventLoops
internal import SecureTransport
internal import Wire

/// What a call holds of the fleet's limits: its identity where nobody else may have it, its key, its address.
///
/// Redis sees no names and no keys: of an identity it sees a hash, of a key one that only who knows the API secret can make.
struct FleetLimits {
    let fleet: Fleet
    let loop: EventLoop
    private let limits: ConnectionLimits
    private let keys: APIKeys?
    private let secret: String

    init?(_ fleet: Fleet?, loop: EventLoop, _ configuration: GatewayConfiguration) {
        guard let fleet else { return nil }
        self.fleet = fleet
        self.loop = loop
        limits = configuration.limits
        keys = configuration.access.apiKeys
        secret = configuration.roomServer.credentials.secret
    }

    private enum Kind: String {
        case identity = "identity:"
        case key = "key:"
        case address = "address:"
    }

    /// - Parameter member: who nobody else may be; nil where that is no matter.
    func wishes(_ caller: Caller, _ member: IdentityClaims.Member?) -> [FleetLedger.Wish] {
        var wishes: [FleetLedger.Wish] = []
        if let member {
            let name = Array("\(member.room)\0\(member.identity)".utf8)
            wishes.append(FleetLedger.Wish(Self.field(.identity, SHA256.digest(name)), limit: 1))
        }
        if let limit = limits.maximumConnectionsPerKey, let key = caller.key.flatMap({ keys?.fingerprint(of: $0) }) {
            let hash = MessageAuthentication.openSSL.hmacSHA256(Array("fleet\n\(secret)".utf8), key)
            wishes.append(FleetLedger.Wish(Self.field(.key, hash), limit: limit))
        }
        if let limit = limits.maximumConnectionsPerAddress {
            wishes.append(
                FleetLedger.Wish(Kind.address.rawValue + "\(caller.address.accountable)", limit: limit))
        }
        return wishes
    }

    private static func field(_ kind: Kind, _ hash: [UInt8]) -> String {
        kind.rawValue + Base64.encode(hash, .urlSafeUnpadded)
    }

    /// Why a call is refused; nil when somebody else has its identity.
    static func refusal(_ field: String) -> AdmissionRefusal? {
        if field.hasPrefix(Kind.key.rawValue) { return .tooManyForKey }
        return field.hasPrefix(Kind.address.rawValue) ? .tooManyForAddress : nil
    }
}
