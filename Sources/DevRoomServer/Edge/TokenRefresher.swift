internal import SecureTransport
internal import Signalling
internal import Wire

/// Mints the tokens with which a client reconnects: what it came with, with a later end.
struct TokenRefresher {
    /// How often a client gets a new one.
    static let interval: Duration = .seconds(300)
    /// Seconds that a fresh token lives at least.
    static let minimumLifetime: Int64 = 600

    private(set) var token: AccessToken
    let secret: String

    init(token: AccessToken, secret: String) {
        self.token = token
        self.secret = secret
    }

    /// Later tokens say what is so now: a client that comes back must not lose what it became.
    mutating func follow(_ info: ParticipantInfo) {
        token.name = info.name
        token.metadata = info.metadata
        token.attributes = info.attributes
        guard let permission = info.permission else { return }
        token.video.canPublish = permission.canPublish
        token.video.canSubscribe = permission.canSubscribe
        token.video.canPublishData = permission.canPublishData
        token.video.canPublishSources = permission.canPublishSources
        token.video.canUpdateOwnMetadata = permission.canUpdateMetadata
        token.video.hidden = permission.hidden
    }

    func mint(now: Int64) -> String {
        var fresh = token
        fresh.expiresAt = max(token.expiresAt, now + Self.minimumLifetime)
        fresh.notBefore = now
        return fresh.signed(secret: secret, .openSSL)
    }
}
