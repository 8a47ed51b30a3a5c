internal import HTTP
internal import SecureTransport
internal import Wire

/// `X-Twilio-Signature`: HMAC-SHA1, with the account's auth token, over the URL that Twilio was given and the form that it sends
/// (Twilio's page "Webhooks Security").
///
/// Which URL Twilio signs is not certain: with or without the port that is the scheme's anyway, with or without a slash at the end,
/// and `wss:` or `https:` for a WebSocket. All of them are tried; none helps anybody who has not the token.
enum TwilioSignature {
    static let header = "X-Twilio-Signature"

    /// - Parameters:
    ///   - url: where the request was sent to, as an address of a WebSocket, with its query.
    ///   - form: names and values of the body.
    static func isValid(
        _ signature: String?, of url: String, form: [(name: String, value: String)] = [], token: String
    ) -> Bool {
        guard let signature = signature.flatMap({ Base64.decode($0) }) else { return false }
        let fields = Array(Set(form.map { Field(name: $0.name, value: $0.value) })).sorted().map(\.text).joined()
        let key = Array(token.utf8)
        return spellings(of: url).contains {
            MessageAuthentication.isEqual(
                signature, MessageAuthentication.openSSL.hmacSHA1(key, Array(($0 + fields).utf8)))
        }
    }

    /// Sorted by bytes, as Twilio's own library does it; of values that come twice one counts.
    private struct Field: Hashable, Comparable {
        let name: String
        let value: String
        var text: String { name + value }

        static func < (left: Field, right: Field) -> Bool {
            left.name == right.name
                ? left.value.unicodeScalars.lexicographicallyPrecedes(right.value.unicodeScalars)
                : left.name.unicodeScalars.lexicographicallyPrecedes(right.name.unicodeScalars)
        }
    }

    /// All ways to write an address of a WebSocket or of an HTTP server; empty when it is none.
    static func spellings(of url: String) -> [String] {
        let parts = url.split(separator: "://", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return [] }
        let isSecure = parts[0] == "wss" || parts[0] == "https"
        let slash = parts[1].firstIndex(of: "/") ?? parts[1].endIndex
        let (authority, target) = (String(parts[1][..<slash]), parts[1][slash...])
        let port = isSecure ? ":443" : ":80"
        var authorities = [authority]
        if authority.hasSuffix(port) {
            authorities.append(String(authority.dropLast(port.count)))
        } else if !PublicAddress.hasPort(authority) {
            authorities.append(authority + port)
        }
        let path = target.prefix { $0 != "?" }
        let query = target.dropFirst(path.count)
        let other = path.hasSuffix("/") ? path.dropLast() : path + "/"
        return (isSecure ? ["wss://", "https://"] : ["ws://", "http://"]).flatMap { scheme in
            authorities.flatMap { authority in
                [path, other].map { scheme + authority + $0 + query }
            }
        }
    }
}
