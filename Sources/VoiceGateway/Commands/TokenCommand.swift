internal import Signalling
package import Wire

/// `VoiceGateway token`: signs a token.
package enum TokenCommand {
    /// - Parameter now: Unix seconds.
    package static func sign(_ request: TokenRequest, now: Int64, _ authentication: MessageAuthentication) -> String {
        var token = request.claims
        token.notBefore = now
        token.expiresAt = now + request.lifetime
        return token.signed(secret: request.credentials.secret, authentication)
    }
}
