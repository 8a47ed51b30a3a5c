internal import ClientProtocol
internal import Signalling

/// What operators decide about the HTTP interface.
struct HTTPAPIConfiguration {
    /// The agent of sessions.
    var agentName: String
    var livekit: LiveKitAccess
    /// The room of tokens whose caller names none.
    var defaultRoom = "gemma-voice-room"
    /// Of `/v1/livekit/token`, in seconds.
    var tokenLifetime: Int64 = 86_400
    var address = PublicAddress(configured: nil) { _ in false }
    var origins = OriginAllowList.all
    var requestIDHeader = "X-Request-ID"
    var apiKeyHeader = "X-API-Key"
    /// Whether guarded routes take an API key.
    var requiresKey = false
    var isRateLimited = false
    /// Whether browsers get a page to talk from at `/`.
    var hasPlayground = false
    /// Whether callers without an API key may name rooms, and identities.
    var allowsClientRooms = true
    var allowsClientIdentities = true

    /// A caller with a key is somebody's backend, which may name whom it likes.
    var mayNameRooms: Bool { requiresKey || allowsClientRooms }
    var mayNameIdentities: Bool { requiresKey || allowsClientIdentities }
}

/// What is known about the LiveKit deployment, as clients are told it.
struct LiveKitAccess {
    var url: String?
    var key: String?
    var secret: String?

    /// The first setting that is missing: its name in sentences, and its variable.
    var missing: (name: String, variable: String)? {
        if url == nil { return ("URL", "LIVEKIT_URL") }
        if key == nil { return ("API key", "LIVEKIT_API_KEY") }
        if secret == nil { return ("API secret", "LIVEKIT_API_SECRET") }
        return nil
    }
}
