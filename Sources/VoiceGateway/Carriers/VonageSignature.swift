internal import SecureTransport
internal import Wire

/// `Authorization: Bearer` of Vonage: a JSON Web Token signed with the account's signature secret by HS256 (Vonage's page "Signed
/// webhooks"). The WebSocket of a call has it when its endpoint in the NCCO says `"authorization": {"type": "vonage"}`.
///
/// `payload_hash` is not looked at: a handshake has no body.
enum VonageSignature {
    /// Bytes of a token.
    static let maximumSize = 4096
    /// How far its clock may be from ours, and how old a token may be, in seconds.
    static let tolerance: Int64 = 300

    /// - Parameter now: seconds since 1970.
    static func isValid(_ token: String?, secret: String, now: Int64) -> Bool {
        guard let token, token.utf8.count <= maximumSize else { return false }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let signature = Base64.decode(parts[2], .urlSafeUnpadded) else { return false }
        let signed = Array("\(parts[0]).\(parts[1])".utf8)
        guard
            MessageAuthentication.isEqual(
                signature, MessageAuthentication.openSSL.hmacSHA256(Array(secret.utf8), signed)),
            // RFC 7515 section 4.1.11: extensions that must be understood, and none are.
            let header = json(parts[0]), header["alg"]?.string == "HS256", header["crit"] == nil,
            let claims = json(parts[1]), let issued = claims["iat"].flatMap(time)
        else { return false }
        guard let end = claims["exp"] else { return (now - tolerance...now + tolerance).contains(issued) }
        return (now - tolerance...now + tolerance).contains(issued) && time(end).map { $0 > now - tolerance } == true
    }

    private static func json(_ part: Substring) -> JSONValue? {
        guard let bytes = Base64.decode(part, .urlSafeUnpadded), let value = try? JSONValue(parsing: bytes),
            value.object != nil
        else { return nil }
        return value
    }

    /// A NumericDate (RFC 7519 section 2): whole or fractional seconds.
    private static func time(_ value: JSONValue) -> Int64? {
        value.integer ?? value.double.flatMap { Int64(exactly: $0.rounded(.down)) }
    }
}
