internal import Bridge
internal import SecureTransport
internal import Wire

/// What lets a client continue its session on another connection: the number of the session's loop, random bytes, what
/// another gateway must know of the session, and its signature, all but the first in base64 for URLs, with dots between them.
///
/// The gateway that has the session knows it by the first two parts. Any other believes the third, because only who knows
/// the API secret of the deployment can have signed it (HMAC-SHA256, RFC 2104).
enum ResumeToken {
    /// 192 bits, which nobody guesses.
    static let randomBytes = 24
    /// How long after the session's begin another gateway believes a token, in seconds.
    static let lifetime: Int64 = 7 * 24 * 3600

    /// The first two parts of a new token.
    static func makeKey(loop: Int) -> String {
        "\(loop).\(Base64.encode(SecureRandom.bytes(randomBytes), .urlSafeUnpadded))"
    }

    /// The whole token.
    /// - Parameters:
    ///   - gateway: the one that has the session.
    ///   - begin: when the session began, in seconds since 1970. The token stays the same from then on.
    static func make(
        _ key: String, _ claim: SessionClaim, gateway: String, begin: Int64, secret: String
    ) -> String {
        var json = claim.json
        json.append("gateway", .string(gateway))
        json.append("exp", .integer(begin + lifetime))
        let signed = key + "." + Base64.encode(JSONValue.object(json).serializedBytes(), .urlSafeUnpadded)
        return signed + "." + Base64.encode(signature(of: signed, secret), .urlSafeUnpadded)
    }

    /// The first two parts; the whole text when it is no token.
    static func key(of token: String) -> String {
        token.split(separator: ".", omittingEmptySubsequences: false).prefix(2).joined(separator: ".")
    }

    /// The loop that a token names; nil when it is none of ours.
    static func loop(of token: String) -> Int? {
        let digits = token.prefix { $0 != "." }
        guard (1...4).contains(digits.utf8.count), digits.utf8.count < token.utf8.count,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int(digits)
    }

    /// What a token says of a session at another gateway; nil when it was not signed by one of ours, is too old, or is of
    /// this gateway, which would have the session if it were not over.
    static func claim(in token: String, gateway: String, now: Int64, secret: String) -> SessionClaim? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let given = Base64.decode(parts[3], .urlSafeUnpadded),
            MessageAuthentication.isEqual(given, signature(of: parts[..<3].joined(separator: "."), secret)),
            let bytes = Base64.decode(parts[2], .urlSafeUnpadded), let json = try? JSONValue(parsing: bytes),
            let end = json["exp"]?.integer, now < end, let maker = json["gateway"]?.string, maker != gateway
        else { return nil }
        return SessionClaim(json)
    }

    /// The secret signs other things as well, none of which begins like this.
    private static func signature(of text: String, _ secret: String) -> [UInt8] {
        MessageAuthentication.openSSL.hmacSHA256(Array(secret.utf8), Array("resume token\n\(text)".utf8))
    }
}

extension SessionClaim {
    fileprivate var json: JSONObject {
        var json: JSONObject = [
            "session": .string(session), "room": .string(room), "identity": .string(identity), "agent": .string(agent),
            "access_token": .bool(needsAccessToken), "move": .bool(isMove),
        ]
        if let name { json.append("name", .string(name)) }
        if let metadata { json.append("metadata", .string(metadata)) }
        if let trace { json.append("traceparent", .string(trace)) }
        json.append("formats", .object(JSONObject(texts: formats)))
        return json
    }

    fileprivate init?(_ json: JSONValue) {
        guard let session = json["session"]?.string, let room = json["room"]?.string,
            let identity = json["identity"]?.string, let agent = json["agent"]?.string
        else { return nil }
        self.init(
            session: session, room: room, identity: identity, name: json["name"]?.string, agent: agent,
            metadata: json["metadata"]?.string, needsAccessToken: json["access_token"] == .bool(true),
            isMove: json["move"] == .bool(true), trace: json["traceparent"]?.string)
        for member in json["formats"]?.object?.members ?? [] { formats[member.key] = member.value.string }
    }
}
