internal import SecureTransport
internal import Wire

/// What a backend gives to a page, so that this may connect for a short while without an API key: sealed, so that any gateway
/// of the deployment reads it and none has to remember it. It says whose it is, until when it counts, and what session was
/// asked for.
struct ClientSecret: Hashable, Sendable {
    /// As OpenAI's begin.
    static let prefix = "ek_"
    /// Seconds for which one may count, and does when nothing is said.
    static let lifetimes: ClosedRange<Int64> = 10...7200
    static let standardLifetime: Int64 = 600
    /// Bytes of the session's parameters as JSON: all of it has to fit into a header.
    static let maximumParameters = 3072
    private static let maximumBytes = 8192

    /// A keyed hash of the API key with which it was asked for; empty where none was needed.
    var owner: [UInt8]
    /// Seconds since 1970.
    var expiry: Int64
    /// In the words of the gateway's session parameters.
    var parameters: JSONObject

    init(owner: [UInt8], expiry: Int64, parameters: JSONObject) {
        self.owner = owner
        self.expiry = expiry
        self.parameters = parameters
    }

    /// Nil for what was not sealed here, such as an API key, which may begin in the same way.
    /// - Parameter secret: the deployment's API secret.
    init?(_ text: String, secret: String) {
        guard text.hasPrefix(Self.prefix), text.utf8.count <= Self.maximumBytes,
            let sealed = Base64.decode(String(text.dropFirst(Self.prefix.count)), .urlSafeUnpadded),
            let bytes = Self.box(secret).open(sealed), let json = try? JSONValue(parsing: bytes),
            let expiry = json["exp"]?.integer,
            let owner = json["owner"]?.string.flatMap({ Base64.decode($0) }),
            let parameters = json["parameters"]?.object
        else { return nil }
        self.init(owner: owner, expiry: expiry, parameters: parameters)
    }

    /// Nil only when memory ran out.
    func sealed(secret: String) -> String? {
        let json: JSONValue = [
            "owner": .string(Base64.encode(owner)), "exp": .integer(expiry), "parameters": .object(parameters),
        ]
        return Self.box(secret).seal(json.serializedBytes()).map {
            Self.prefix + Base64.encode($0, .urlSafeUnpadded)
        }
    }

    /// By what an API key is known without being shown.
    static func owner(of key: [UInt8], secret: String) -> [UInt8] {
        MessageAuthentication.openSSL.hmacSHA256(Array(secret.utf8), Array("owner of a client secret\n".utf8) + key)
    }

    private static func box(_ secret: String) -> SealedBox {
        SealedBox(
            key: MessageAuthentication.openSSL.hmacSHA256(Array(secret.utf8), Array("client secrets".utf8)))
    }
}
