internal import SecureTransport
internal import Signalling
internal import Wire

/// Mints the tokens with which a client reconnects: what it came with, with a later end.
struct TokenRefresher {
    /// How often a client gets a new one.
    static let interval: Duration = .seconds(300)
    /// Seconds that a fresh token lives at least.
    static let minimumLifetime: Int64 = 600

    let token: AccessToken
    let secret: String

    func mint(now: Int64) -> String {
        var fresh = token
        fresh.expiresAt = max(token.expiresAt, now + Self.minimumLifetime)
        fresh.notBefore = now
        return fresh.signed(secret: secret, .openSSL)
    }
}
