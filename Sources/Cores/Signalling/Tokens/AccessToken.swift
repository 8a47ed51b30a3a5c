package import Wire

/// Why an access token is refused, in words that help the one that minted it.
package enum AccessTokenError: Error, Hashable, Sendable {
    /// Not three base64url parts with JSON inside; the text names the part.
    case malformed(String)
    /// Signed by something else than HS256.
    case unsupportedAlgorithm(String)
    /// No `iss`, so no key can be chosen.
    case noIssuer
    /// The key that `iss` names is not known here.
    case unknownKey(String)
    /// Signed with another secret, or changed afterwards.
    case badSignature
    /// No `exp`: a token that never ends is not accepted.
    case noExpiry
    /// Unix seconds.
    case expired(at: Int64, now: Int64)
    case notYetValid(from: Int64, now: Int64)
}

extension AccessTokenError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let part): "the access token is malformed: \(part)"
        case .unsupportedAlgorithm(let name): "the access token is signed with \(name) instead of HS256"
        case .noIssuer: "the access token has no issuer (iss)"
        case .unknownKey(let key): "the access token was issued with the unknown API key \(key)"
        case .badSignature: "the access token's signature does not fit the API secret"
        case .noExpiry: "the access token has no expiry (exp)"
        case .expired(let end, let now): "the access token expired \(now - end) seconds ago"
        case .notYetValid(let start, let now): "the access token becomes valid in \(start - now) seconds"
        }
    }
}

/// A LiveKit access token (docs/livekit-protocol.md#access-tokens): a JSON Web Token signed with HS256. Times are Unix
/// seconds and passed in.
package struct AccessToken: Hashable, Sendable {
    /// How far clocks may disagree about `exp` and `nbf`, in seconds.
    package static let leeway: Int64 = 60
    /// Characters that a token may have.
    package static let maximumSize = 256 << 10
    /// How long a token lives unless told otherwise, in seconds: six hours, as LiveKit's own SDKs have it.
    package static let defaultLifetime: Int64 = 6 * 3600

    /// The API key (`iss`).
    package var key = ""
    /// The participant's identity (`sub`); empty for server API and worker tokens.
    package var identity = ""
    package var name = ""
    package var kind = ParticipantInfo.Kind.standard
    package var metadata = ""
    package var attributes: [String: String] = [:]
    package var video = VideoGrant()
    /// Applies when this join creates the room; carries agent dispatches.
    package var roomConfig: RoomConfiguration?
    /// The SHA-256 digest of the body that the token vouches for, in base64; empty for tokens that come with none.
    package var sha256 = ""
    package var expiresAt: Int64 = 0
    package var notBefore: Int64?

    package init() {}

    /// A token with some members set.
    package static func with(_ fill: (inout AccessToken) -> Void) -> AccessToken {
        var token = AccessToken()
        fill(&token)
        return token
    }

    // MARK: Minting

    /// The signed token.
    package func signed(secret: String, _ authentication: MessageAuthentication) -> String {
        let header: JSONValue = ["alg": "HS256", "typ": "JWT"]
        let text = [header, claims].map { Base64.encode($0.serializedBytes(), .urlSafeUnpadded) }.joined(separator: ".")
        let signature = authentication.hmacSHA256(Array(secret.utf8), Array(text.utf8))
        return text + "." + Base64.encode(signature, .urlSafeUnpadded)
    }

    private var claims: JSONValue {
        var object: JSONObject = ["iss": .string(key)]
        if !identity.isEmpty { object.append("sub", .string(identity)) }
        object.append("exp", .integer(expiresAt))
        if let notBefore { object.append("nbf", .integer(notBefore)) }
        if !name.isEmpty { object.append("name", .string(name)) }
        if kind != .standard { object.append("kind", .string(kind.name.lowercased())) }
        if !metadata.isEmpty { object.append("metadata", .string(metadata)) }
        if !attributes.isEmpty { object.append("attributes", .object(JSONObject(texts: attributes))) }
        object.append("video", video.json)
        if let roomConfig { object.append("roomConfig", roomConfig.json(.compact)) }
        if !sha256.isEmpty { object.append("sha256", .string(sha256)) }
        return .object(object)
    }

    // MARK: Verifying

    /// Checks signature and times and reads the claims. `secret` gives the secret of an API key, nil if unknown.
    package init(
        verifying text: String, now: Int64, _ authentication: MessageAuthentication, secret: (String) -> String?
    ) throws(AccessTokenError) {
        let token = try JSONWebToken(text, maximumSize: Self.maximumSize)
        let claims = token.claims
        guard let issuer = claims["iss"]?.string, !issuer.isEmpty else { throw .noIssuer }
        guard let itsSecret = secret(issuer) else { throw .unknownKey(issuer) }
        guard try token.isSigned(with: itsSecret, authentication) else { throw .badSignature }
        try self.init(claims: claims)
        guard let expiry = claims["exp"] else { throw .noExpiry }
        guard let end = JSONWebToken.time(expiry) else { throw .malformed("its expiry") }
        expiresAt = end
        guard now < end.addingReportingOverflow(Self.leeway).partialValue || end > Int64.max - Self.leeway else {
            throw .expired(at: end, now: now)
        }
        if let notBefore, notBefore > now + Self.leeway { throw .notYetValid(from: notBefore, now: now) }
    }

    /// Reads the claims of a token that the room server will verify. No right is ever decided by them.
    package init(unverified text: String) throws(AccessTokenError) {
        try self.init(claims: try JSONWebToken(text, maximumSize: Self.maximumSize).claims)
    }

    private init(claims: JSONValue) throws(AccessTokenError) {
        key = claims["iss"]?.string ?? ""
        // The identity of old tokens stands in `jti`.
        let subject = claims["sub"]?.string ?? ""
        identity = subject.isEmpty ? claims["jti"]?.string ?? "" : subject
        name = claims["name"]?.string ?? ""
        if let text = claims["kind"]?.string {
            kind = ParticipantInfo.Kind(json: .string(text.uppercased())) ?? .standard
        }
        metadata = claims["metadata"]?.string ?? ""
        sha256 = claims["sha256"]?.string ?? ""
        for member in claims["attributes"]?.object?.members ?? [] { attributes[member.key] = member.value.string }
        if let grant = claims["video"] { video = VideoGrant(json: grant) }
        if let configuration = claims["roomConfig"], !configuration.isNull {
            do throws(ProtobufJSONError) {
                roomConfig = try RoomConfiguration(json: configuration)
            } catch {
                throw .malformed("roomConfig: \(error)")
            }
        }
        if let start = claims["nbf"] {
            guard let time = JSONWebToken.time(start) else { throw .malformed("its nbf is not a time") }
            notBefore = time
        }
    }
}
