internal import Wire

/// The WebSocket subprotocols that a client offers (RFC 6455 section 1.9). They are the only part of the handshake
/// besides the URL that a page in a browser can choose, so that credentials may stand among them, out of the logs of
/// proxies: `["voicegateway.v1", "key.<API key>"]` or `["access_token", "<token>"]`. The key of a room that is encrypted end to end
/// may stand there as well: `"encryption-key.<key>"`.
///
/// A browser gives up without a word to its page when the answer names none of what was offered. So one is named whatever the
/// client offers: a known one, or else the first that is no credential, or else the first.
package struct OfferedSubprotocols: Hashable, Sendable {
    /// The messages of this gateway.
    package static let gateway = "voicegateway.v1"
    /// The same; the access token follows as the next element.
    package static let accessToken = "access_token"
    /// What an API key follows. Characters that no subprotocol may have are percent-encoded.
    package static let keyPrefix = "key."
    /// What the key of a room follows, in the same way.
    package static let encryptionKeyPrefix = "encryption-key."
    /// The same as for an API key in pages for OpenAI's Realtime API.
    static let openAIKeyPrefix = "openai-insecure-api-key."

    /// The one to answer with; nil when none was offered.
    package let agreed: String?
    package let apiKey: String?
    package let accessToken: String?
    /// Of the room, as the client wrote it.
    package let encryptionKey: String?

    /// - Parameter values: of the header fields `Sec-WebSocket-Protocol`, each a list with commas.
    package init(_ values: [String]) {
        let offered = values.flatMap { $0.split(separator: ",") }.map { String($0.trimmed(.spacesAndTabs)) }
        var agreed: String?
        var unknown: String?
        var key: String?
        var token: String?
        var encryptionKey: String?
        for (index, name) in offered.enumerated() {
            if name == Self.gateway || name == Self.accessToken, agreed == nil { agreed = name }
            if name == Self.accessToken, token == nil, index + 1 < offered.count { token = offered[index + 1] }
            if let prefix = [Self.keyPrefix, Self.openAIKeyPrefix].first(where: name.hasPrefix) {
                key = key ?? PercentEncoding.decoded(name.utf8.dropFirst(prefix.utf8.count))
            } else if name.hasPrefix(Self.encryptionKeyPrefix) {
                encryptionKey =
                    encryptionKey ?? PercentEncoding.decoded(name.utf8.dropFirst(Self.encryptionKeyPrefix.utf8.count))
            } else if unknown == nil, !name.isEmpty {
                unknown = name
            }
        }
        self.agreed = agreed ?? unknown ?? offered.first { !$0.isEmpty }
        self.encryptionKey = encryptionKey.flatMap { $0.isEmpty ? nil : $0 }
        apiKey = key.flatMap { $0.isEmpty ? nil : $0 }
        accessToken = token.flatMap { $0.isEmpty ? nil : $0 }
    }
}
