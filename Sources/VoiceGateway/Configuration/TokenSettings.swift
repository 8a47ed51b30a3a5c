/// What the HTTP APIs put into tokens and tell about the LiveKit deployment.
package struct TokenSettings: Hashable, Sendable {
    /// The deployment's address as clients are told it, exactly as the operator wrote it; nil until the room server inside
    /// has a port.
    package var livekitPublicURL: String?
    /// The room of requests that name none.
    package var livekitRoomName = GatewaySettings.livekitRoomName.standard
    /// Seconds for which tokens of `/v1/livekit/token` are valid.
    package var livekitTokenTTL = GatewaySettings.livekitTokenTTL.standard

    package init() {}
}
