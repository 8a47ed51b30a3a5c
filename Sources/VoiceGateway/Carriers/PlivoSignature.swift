internal import HTTP
internal import SecureTransport
internal import Wire

/// `X-Plivo-Signature-V3`: HMAC-SHA256, with the account's auth token, over the URL that Plivo was given, a point and a nonce that comes
/// with the request (Plivo's page "Signature Validation", and what its libraries compute).
///
/// A header has one signature or several between commas, since an account may have two tokens for a while. A subaccount signs
/// the one header, the main account always the other; either of them counts.
enum PlivoSignature {
    static let headers = ["X-Plivo-Signature-V3", "X-Plivo-Signature-Ma-V3"]
    static let nonceHeader = "X-Plivo-Signature-V3-Nonce"
    /// Bytes.
    static let maximumNonceSize = 256
    /// Signatures beyond this many are not looked at.
    static let maximumSignatures = 16

    /// Whether the request claims to be signed.
    static func isThere(in request: HTTPRequest) -> Bool { headers.contains { request.headers[$0] != nil } }

    /// - Parameters:
    ///   - texts: values of the headers.
    ///   - url: where the request was sent to, as an address of a WebSocket, with its query.
    static func isValid(_ texts: [String], nonce: String?, of url: String, token: String) -> Bool {
        guard let nonce, (1...maximumNonceSize).contains(nonce.utf8.count) else { return false }
        let signatures = texts.flatMap { $0.split(separator: ",", maxSplits: maximumSignatures) }
            .prefix(maximumSignatures).compactMap { Base64.decode($0.trimmed(.spacesAndTabs)) }
        guard !signatures.isEmpty else { return false }
        let key = Array(token.utf8)
        return Set(SignedAddress.spellings(of: url).flatMap { [$0, sorted($0)] }).contains { url in
            let signature = MessageAuthentication.openSSL.hmacSHA256(key, Array("\(url).\(nonce)".utf8))
            return signatures.contains { MessageAuthentication.isEqual($0, signature) }
        }
    }

    static func isValid(_ request: HTTPRequest, of url: String, token: String) -> Bool {
        isValid(headers.flatMap(request.headers.values), nonce: request.headers[nonceHeader], of: url, token: token)
    }

    /// The URL with its query decoded and in the order of names, then of values: that is what is signed when there is one.
    private static func sorted(_ url: String) -> String {
        let parts = url.split(separator: "?", maxSplits: 1)
        guard parts.count == 2 else { return url }
        let pairs = QueryString(parts[1]).items.sorted { left, right in
            left.name == right.name
                ? left.value.unicodeScalars.lexicographicallyPrecedes(right.value.unicodeScalars)
                : left.name.unicodeScalars.lexicographicallyPrecedes(right.name.unicodeScalars)
        }
        return parts[0] + "?" + pairs.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }
}
