package import Wire

/// A JSON Web Token that is signed with HS256 (RFC 7519, RFC 7515), taken apart. Nothing of it is true before `isSigned` says so.
package struct JSONWebToken {
    package let claims: JSONValue
    private let signed: String
    private let signature: Substring

    /// - Parameter maximumSize: bytes that the token may have.
    package init(_ text: String, maximumSize: Int) throws(AccessTokenError) {
        guard text.utf8.count <= maximumSize else { throw .malformed("longer than \(maximumSize) bytes") }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed("\(parts.count) parts instead of 3") }
        let header = try Self.json(parts[0], "its header")
        guard let algorithm = header["alg"]?.string else { throw .malformed("its header names no algorithm") }
        guard algorithm == "HS256" else { throw .unsupportedAlgorithm(algorithm) }
        // RFC 7515 section 4.1.11: extensions that must be understood, and none are.
        guard header["crit"] == nil else { throw .malformed("its header demands extensions (crit)") }
        claims = try Self.json(parts[1], "its claims")
        signed = "\(parts[0]).\(parts[1])"
        signature = parts[2]
    }

    /// Whether it was signed with that secret.
    package func isSigned(with secret: String, _ authentication: MessageAuthentication) throws(AccessTokenError) -> Bool
    {
        guard let signature = Base64.decode(signature, .urlSafeUnpadded) else { throw .malformed("its signature") }
        return MessageAuthentication.isEqual(
            signature, authentication.hmacSHA256(Array(secret.utf8), Array(signed.utf8)))
    }

    /// A NumericDate (RFC 7519 section 2): whole or fractional seconds.
    package static func time(_ value: JSONValue) -> Int64? {
        value.integer ?? value.double.flatMap { Int64(exactly: $0.rounded(.down)) }
    }

    private static func json(_ part: Substring, _ what: String) throws(AccessTokenError) -> JSONValue {
        guard let bytes = Base64.decode(part, .urlSafeUnpadded) else { throw .malformed("\(what) are not base64url") }
        guard let value = try? JSONValue(parsing: bytes), value.object != nil else {
            throw .malformed("\(what) are not a JSON object")
        }
        return value
    }
}
