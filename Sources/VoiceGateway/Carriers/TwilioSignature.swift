internal import HTTP
internal import SecureTransport
internal import Wire

/// `X-Twilio-Signature`: HMAC-SHA1, with the account's auth token, over the URL that Twilio was given and the form that it sends
/// (Twilio's page "Webhooks Security").
///
/// Which spelling of the URL Twilio signs is not certain: all of them are tried.
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
        return SignedAddress.spellings(of: url).contains {
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
}
