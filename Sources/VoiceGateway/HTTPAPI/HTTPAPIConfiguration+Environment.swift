internal import HTTP
internal import Signalling
internal import Wire

extension HTTPAPIConfiguration {
    /// From what the whole gateway knows.
    init(_ environment: GatewayEnvironment) {
        let configuration = environment.configuration
        let proxies = configuration.http.trustedProxies
        self.init(
            agentName: configuration.agentName,
            livekit: LiveKitAccess(
                url: configuration.tokens.livekitPublicURL ?? environment.roomServer.webSocketText,
                key: environment.credentials.key, secret: environment.credentials.secret))
        livekitRoomName = configuration.tokens.livekitRoomName
        livekitTokenTTL = Int64(configuration.tokens.livekitTokenTTL)
        address = PublicAddress(configured: configuration.http.publicURL) { proxies.contains($0) }
        allowedOrigins = configuration.http.allowedOrigins
        requestIDHeader = configuration.http.requestIDHeader
        apiKeyHeaderName = configuration.access.apiKeyHeaderName
        hasPlayground = configuration.http.hasPlayground
        requiresKey = configuration.access.requiresKey
        isRateLimited = configuration.rateLimit != nil
        allowsClientRooms = configuration.access.allowsClientRooms
        allowsClientIdentities = configuration.access.allowsClientIdentities
    }
}
