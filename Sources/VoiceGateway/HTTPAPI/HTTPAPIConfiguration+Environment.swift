internal import Signalling
internal import Wire

extension HTTPAPIConfiguration {
    /// From what the whole gateway knows.
    init(_ environment: GatewayEnvironment) {
        let credentials = environment.credentials
        let proxies = environment.http.trustedProxies
        self.init(
            agentName: environment.agentName,
            livekit: LiveKitAccess(
                url: environment.tokens.url ?? environment.roomServer.webSocketURL(""), key: credentials.key,
                secret: credentials.secret))
        defaultRoom = environment.tokens.roomName
        tokenLifetime = Int64(environment.tokens.lifetime)
        address = PublicAddress(configured: environment.http.publicURL) { proxies.contains($0) }
        origins = environment.http.allowedOrigins
        requestIDHeader = environment.http.requestIDHeader
        apiKeyHeader = environment.access.apiKeyHeader
        hasPlayground = environment.http.hasPlayground
        requiresKey = environment.access.requiresKey
        isRateLimited = environment.rateLimit != nil
        allowsClientRooms = environment.access.allowsClientRooms
        allowsClientIdentities = environment.access.allowsClientIdentities
    }
}
