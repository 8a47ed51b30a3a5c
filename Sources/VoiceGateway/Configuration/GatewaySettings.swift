internal import ClientProtocol
internal import EventLoops
internal import HTTP
internal import Observability
internal import RedisClient
internal import Wire

/// The table of every setting of the gateway. Parsing, the help, docs/configuration.md and `check-config` come from it.
package enum GatewaySettings {
    /// All of them, in the order in which they are listed.
    package static let all: [any SettingEntry] = [
        livekitURL, livekitAPIKey, livekitAPISecret, livekitCAFile, httpsProxy, noProxy, livekitPublicURL,
        livekitRoomName, livekitTokenTTL,
        agentName, roomKey, roomKeys, devPort,
        port, host, unixSocket, tlsCert, tlsKey, tlsClientCA, tlsClientIdentity, threads, logLevel, logFormat,
        drainNotice, drainSeconds, drainMovesPerSecond,
        apiKeyEnabled, apiKeys, apiKeyHeaderName, allowClientRooms, allowClientIdentities, allowedAgents,
        duplicateIdentity, strictIdentities, xiaozhiDevices, xiaozhiTokenKey,
        twilioAuthToken, twilioAPIURL, telnyxAPIKey, telnyxAPIURL, plivoAuthID, plivoAuthToken, plivoAPIURL,
        vonageSignatureSecret,
        rateLimitEnabled, rateLimitRequests, rateLimitWindowSeconds, rateLimitBurstMultiplier,
        maxConnections, maxConnectionsPerAddress, maxConnectionsPerKey, maxMessageBytes, maxUtteranceSeconds, maxTracks,
        idleTimeoutSeconds, maxSessionSeconds,
        configWaitMS, turnRPCMethod, interruptRPCMethod, resumeGraceSeconds, maxBacklog, participantAttributes,
        opusBitrate, opusComplexity, thinUplink,
        publicURL, allowedOrigins, requestIDHeader, trustedProxies, proxyProtocol, playground,
        adminAPIKey, adminPort, adminHost,
        redisURL, webhookURL, webhookSpool, dispatchTraceparent, otelEndpoint, otelHeaders, otelServiceName,
    ]

    // MARK: LiveKit

    static let livekitURL = Setting<HTTPURL?>(
        "LIVEKIT_URL", .url, in: .rooms, otherwise: "a room server for development runs inside",
        needsRestart: true, "the LiveKit deployment")
    static let livekitAPIKey = Setting<String?>(
        "LIVEKIT_API_KEY", .key("KEY", upTo: 256), in: .rooms, otherwise: "devkey, for the room server inside",
        "its API key")
    static let livekitAPISecret = Setting<String?>(
        "LIVEKIT_API_SECRET", .key("SECRET", upTo: 1024), in: .rooms,
        otherwise: "secret, for the room server inside", isSecret: true, "its API secret")
    static let livekitCAFile = Setting<String?>(
        "LIVEKIT_CA_FILE", .file, in: .rooms, otherwise: "the system's authorities", needsRestart: true,
        "a PEM file with the authorities to trust in place of the system's")
    static let httpsProxy = Setting<HTTPProxy?>(
        "HTTPS_PROXY", .proxy, in: .rooms, otherwise: "none", isSecret: true, needsRestart: true,
        "the proxy by which the room server is reached when its URL is wss:// or https://")
    static let noProxy = Setting<ProxyExceptions>(
        "NO_PROXY", .proxyExceptions, in: .rooms, default: ProxyExceptions(), needsRestart: true,
        "hosts that are reached without it; those below a name as well")
    static let livekitPublicURL = Setting<HTTPURL?>(
        "LIVEKIT_PUBLIC_URL", .url, in: .rooms, otherwise: "as LIVEKIT_URL",
        "the deployment's address that clients of the HTTP APIs are told")
    static let livekitRoomName = Setting<String>(
        "LIVEKIT_ROOM_NAME", .text("ROOM", upTo: 128), in: .rooms, default: "gemma-voice-room",
        "the room of a token request that names none")
    static let livekitTokenTTL = Setting<Int>(
        "LIVEKIT_TOKEN_TTL", .number(1...Int(TokenRequest.maximumLifetime), "SECONDS"), in: .rooms, default: 86_400,
        "for how many seconds tokens of /v1/livekit/token are valid")
    static let agentName = Setting<String>(
        "AGENT_NAME", .text("NAME", upTo: 128), in: .rooms, default: "custom-agent",
        "the agent that is dispatched into each room")
    static let roomKey = Setting<EncryptionSecret?>(
        "ROOM_KEY", .encryptionSecret, in: .rooms, otherwise: "rooms are not encrypted end to end", isSecret: true,
        "the key with which sound and data in all rooms are encrypted end to end: a passphrase, or hkdf: and base64")
    static let roomKeys = Setting<String?>(
        "ROOM_KEYS", .text("FILE", upTo: 4096), in: .rooms, otherwise: "no room has a key of its own",
        "a file with keys of rooms, a JSON object a line; read again with the settings")
    static let devPort = Setting<UInt16>(
        "DEV_PORT", .port, in: .rooms, default: 7880, needsRestart: true,
        "the port of the development room server, on loopback")

    // MARK: Process

    static let port = Setting<UInt16>(
        "PORT", .port, in: .process, default: 3000, needsRestart: true, "where clients connect")
    static let host = Setting<IPAddress>(
        "HOST", .address, in: .process, default: .anyV4, needsRestart: true,
        "which of this machine's addresses to listen at")
    static let unixSocket = Setting<String?>(
        "UNIX_SOCKET", .text("PATH", upTo: ListeningSocket.maximumPathBytes), in: .process, otherwise: "none",
        needsRestart: true, "a path at which clients are served besides, for a proxy on this machine")
    static let tlsCert = Setting<String?>(
        "TLS_CERT", .file, in: .process, otherwise: "no TLS",
        "a PEM file with the certificate for https:// and wss://, and its chain; read again when it changes")
    static let tlsKey = Setting<String?>(
        "TLS_KEY", .file, in: .process, otherwise: "no TLS", "a PEM file with its private key")
    static let tlsClientCA = Setting<String?>(
        "TLS_CLIENT_CA", .file, in: .process, otherwise: "clients need no certificate",
        "a PEM file with the authorities of which clients must show a certificate")
    static let tlsClientIdentity = Setting<String?>(
        "TLS_CLIENT_IDENTITY", .text("TEXT", upTo: IdentityTemplate.maximumLength), in: .process,
        otherwise: "certificates say nothing about identities",
        "the identity of a client by its certificate, such as device-{cn}; {cn}, {dns} and {uri} are its names")
    static let threads = Setting<Int?>(
        "THREADS", .number(1...256), in: .process, otherwise: "one a core", needsRestart: true,
        "how many event loops run")
    static let logLevel = Setting<LogLevel>("LOG_LEVEL", .choice, in: .process, default: .info, "what the log tells")
    static let logFormat = Setting<LogFormat>(
        "LOG_FORMAT", .choice, in: .process, default: .text, needsRestart: true,
        "how lines of the log are written: logfmt, or JSON objects"
    )
    static let drainNotice = Setting<Int?>(
        "DRAIN_NOTICE", .number(0...600, "SECONDS"), in: .process, otherwise: "5; 0 with the room server inside",
        "how long a gateway that got SIGTERM still listens without a call, so that balancers notice")
    static let drainSeconds = Setting<Int?>(
        "DRAIN_SECONDS", .number(0...86_400, "SECONDS"), in: .process,
        otherwise: "3600; 0 with the room server inside",
        "how long calls may go on after SIGTERM; 0 ends them at once")
    static let drainMovesPerSecond = Setting<Int>(
        "DRAIN_MOVES_PER_SECOND", .number(1...10_000), in: .process, default: 10,
        "how many calls a draining gateway asks in a second to go on at another one")

    // MARK: Who may connect

    static let apiKeyEnabled = Setting<Bool>(
        "API_KEY_ENABLED", .boolean, in: .access, default: false,
        "whether clients must present an API key (or a LiveKit access token)")
    static let apiKeys = Setting<[String]?>(
        "API_KEYS", .apiKeys, in: .access, otherwise: "none", isSecret: true, "the keys that are accepted")
    static let apiKeyHeaderName = Setting<String>(
        "API_KEY_HEADER_NAME", .headerName, in: .access, default: "X-API-Key", "the header that brings the key")
    static let allowClientRooms = Setting<Bool?>(
        "ALLOW_CLIENT_ROOMS", .boolean, in: .access, otherwise: "true; with API keys false",
        "whether callers without an access token may name a room")
    static let allowClientIdentities = Setting<Bool?>(
        "ALLOW_CLIENT_IDENTITIES", .boolean, in: .access, otherwise: "true; with API keys false",
        "whether callers without an access token may name their identity")
    static let allowedAgents = Setting<AllowedAgents?>(
        "ALLOWED_AGENTS", .agents, in: .access, otherwise: "*; with API keys AGENT_NAME",
        "the agents that callers may name, besides those that their access token brings")
    static let duplicateIdentity = Setting<AccessPolicy.DuplicateIdentity>(
        "DUPLICATE_IDENTITY", .choice, in: .access, default: .takeOver,
        "whether somebody who connects under an identity that is in the room already takes over or is refused")
    static let strictIdentities = Setting<Bool>(
        "STRICT_IDENTITIES", .boolean, in: .access, default: false,
        "whether `POST /session` takes letters, numbers, hyphens and underscores alone in userIdentity")

    static let xiaozhiDevices = Setting<String?>(
        "XIAOZHI_DEVICES", .text("FILE", upTo: 4096), in: .access, otherwise: "no device is asked for a token",
        "a file with the xiaozhi devices that may connect, a JSON object a line; the gateway adds those that are paired"
    )
    static let xiaozhiTokenKey = Setting<String?>(
        "XIAOZHI_TOKEN_KEY", .key("KEY", upTo: 1024), in: .access, otherwise: "only the gateway's own tokens count",
        isSecret: true, "the key of a self-hosted xiaozhi server whose devices may connect with its tokens")

    // MARK: Telephone carriers

    static let twilioAuthToken = Setting<String?>(
        "TWILIO_AUTH_TOKEN", .key("TOKEN", upTo: 256), in: .carriers,
        otherwise: "signatures are not asked for, and calls end by closing their streams", isSecret: true,
        "the auth token of the account at Twilio: its requests have to be signed with it, and its calls are ended with it"
    )
    static let twilioAPIURL = Setting<HTTPURL?>(
        "TWILIO_API_URL", .url, in: .carriers, otherwise: "https://api.twilio.com",
        "where Twilio's REST API is, of another region for example")
    static let telnyxAPIKey = Setting<String?>(
        "TELNYX_API_KEY", .key("KEY", upTo: 256), in: .carriers, otherwise: "calls end by closing their streams",
        isSecret: true, "an API key of Telnyx, with which calls are ended")
    static let telnyxAPIURL = Setting<HTTPURL?>(
        "TELNYX_API_URL", .url, in: .carriers, otherwise: "https://api.telnyx.com", "where Telnyx's REST API is")
    static let plivoAuthID = Setting<String?>(
        "PLIVO_AUTH_ID", .key("ID", upTo: 256), in: .carriers, otherwise: "calls end by closing their streams",
        "the auth ID of the account at Plivo, with which calls are ended")
    static let plivoAuthToken = Setting<String?>(
        "PLIVO_AUTH_TOKEN", .key("TOKEN", upTo: 256), in: .carriers, otherwise: "calls end by closing their streams",
        isSecret: true, "its auth token, which streams that Plivo has signed have to fit")
    static let plivoAPIURL = Setting<HTTPURL?>(
        "PLIVO_API_URL", .url, in: .carriers, otherwise: "https://api.plivo.com", "where Plivo's REST API is")
    static let vonageSignatureSecret = Setting<String?>(
        "VONAGE_SIGNATURE_SECRET", .key("SECRET", upTo: 256), in: .carriers, otherwise: "signatures are not asked for",
        isSecret: true, "the signature secret of the account at Vonage: its WebSockets have to be signed with it")

    // MARK: Rate limit

    static let rateLimitEnabled = Setting<Bool>(
        "RATE_LIMIT_ENABLED", .boolean, in: .rate, default: false, "whether connections and requests are limited")
    static let rateLimitRequests = Setting<Int>(
        "RATE_LIMIT_REQUESTS", .number(1...1_000_000), in: .rate, default: 120,
        "how many a key, or an address without a key, has in a window")
    static let rateLimitWindowSeconds = Setting<Int>(
        "RATE_LIMIT_WINDOW_SECONDS", .number(1...86_400, "SECONDS"), in: .rate, default: 60,
        "the time in which a used-up allowance is full again")
    static let rateLimitBurstMultiplier = Setting<Double>(
        "RATE_LIMIT_BURST_MULTIPLIER", .decimal(0.001...1000), in: .rate, default: 1,
        "how many times RATE_LIMIT_REQUESTS may come at once")

    // MARK: Limits

    static let maxConnections = Setting<Int>(
        "MAX_CONNECTIONS", .number(1...1_000_000), in: .limits, default: 10_000,
        "client connections that may be open at once")
    static let maxConnectionsPerAddress = Setting<Int>(
        "MAX_CONNECTIONS_PER_ADDRESS", .number(0...1_000_000), in: .limits, default: 0,
        "of these, from one address; 0: no limit")
    static let maxConnectionsPerKey = Setting<Int>(
        "MAX_CONNECTIONS_PER_KEY", .number(0...1_000_000), in: .limits, default: 0,
        "of these, with one API key; 0: no limit")
    static let maxMessageBytes = Setting<Int>(
        "MAX_MESSAGE_BYTES", .number(1024...(256 << 20), "BYTES"), in: .limits, default: 16 << 20,
        "the largest message of a client")
    static let maxUtteranceSeconds = Setting<Int>(
        "MAX_UTTERANCE_SECONDS", .number(1...3600, "SECONDS"), in: .limits, default: 60,
        "the longest recording that a client may send for one turn")
    static let maxTracks = Setting<Int>(
        "MAX_TRACKS", .number(1...256), in: .limits, default: 16,
        "tracks of a room that a client hears at the same time; of more than that, silent ones make place")
    static let idleTimeoutSeconds = Setting<Int>(
        "IDLE_TIMEOUT_SECONDS", .number(0...86_400, "SECONDS"), in: .limits, default: 0,
        "a session ends when its client has sent nothing and nobody has said anything for so long; 0: never")
    static let maxSessionSeconds = Setting<Int>(
        "MAX_SESSION_SECONDS", .number(0...604_800, "SECONDS"), in: .limits, default: 0,
        "how long a session may last at all; 0: no limit")

    // MARK: Conversation

    static let configWaitMS = Setting<Int>(
        "CONFIG_WAIT_MS", .number(0...10_000, "MILLISECONDS"), in: .conversation, default: 300,
        "how long a new connection waits for config before its agent is dispatched")
    static let turnRPCMethod = Setting<String?>(
        "TURN_RPC_METHOD", .shortText("NAME", upTo: maximumRPCMethodBytes), in: .conversation, otherwise: "none",
        "the RPC method that is called at the agent when a client ends its turn")
    static let interruptRPCMethod = Setting<String?>(
        "INTERRUPT_RPC_METHOD", .shortText("NAME", upTo: maximumRPCMethodBytes), in: .conversation, otherwise: "none",
        "the RPC method that is called at the agent when a client interrupts it")
    static let resumeGraceSeconds = Setting<Int>(
        "RESUME_GRACE_SECONDS", flag: "resume-grace", .number(0...300, "SECONDS"), in: .conversation, default: 0,
        "how long a caller whose connection broke stays in the room")
    static let maxBacklog = Setting<Int>(
        "MAX_BACKLOG", .number(1...60, "SECONDS"), in: .conversation, default: 8,
        "how late a caller's live sound may become, as in an outage; beyond it the oldest is dropped and the client told"
    )

    static let participantAttributes = Setting<[String: String]?>(
        "PARTICIPANT_ATTRIBUTES", .attributes, in: .conversation, otherwise: "none",
        "attributes that each caller's participant has in its room, for agents to read")

    static let opusBitrate = Setting<Int?>(
        "OPUS_BITRATE", .number(6000...256_000, "BITS"), in: .conversation,
        otherwise: "48000 at 8 kHz, 80000 up to 16 kHz, 96000 above; 24000 on a thin uplink",
        "bits a second for a caller's sound on its way to the room")
    static let opusComplexity = Setting<Int?>(
        "OPUS_COMPLEXITY", .number(0...10), in: .conversation, otherwise: "0; 5 on a thin uplink",
        "how much CPU libopus spends on a caller's sound; 5 costs twice as much as 0, 10 four times")
    static let thinUplink = Setting<Bool>(
        "THIN_UPLINK", .boolean, in: .conversation, default: false,
        "whether the way to the room server is too thin for 100 kbit/s a caller: sound takes 24 kbit/s and ten times the CPU"
    )

    // MARK: HTTP APIs

    static let publicURL = Setting<HTTPURL?>(
        "PUBLIC_URL", .url, in: .http, otherwise: "as the request's Host header says",
        "the gateway's own address, for websocketUrl in answers")
    static let allowedOrigins = Setting<OriginAllowList>(
        "ALLOWED_ORIGINS", .origins, in: .http, default: .all,
        "the web pages that may connect and call, by the Origin that browsers send")
    static let requestIDHeader = Setting<String>(
        "REQUEST_ID_HEADER", .headerName, in: .http, default: "X-Request-ID",
        "the header in which a request brings its id and the answer takes it back")
    static let trustedProxies = Setting<IPNetworkList>(
        "TRUSTED_PROXIES", .networks, in: .http, default: IPNetworkList(),
        "whose X-Forwarded-For, other X-Forwarded headers and Forwarded count")
    static let proxyProtocol = Setting<Bool>(
        "PROXY_PROTOCOL", .boolean, in: .http, default: false,
        "whether connections from TRUSTED_PROXIES begin with a PROXY protocol header, version 2")
    static let playground = Setting<Bool?>(
        "PLAYGROUND", .boolean, in: .http, otherwise: "true; with LIVEKIT_URL false",
        "whether GET / shows browsers a page to talk from")

    // MARK: The operator

    static let adminAPIKey = Setting<String?>(
        "ADMIN_API_KEY", .key("KEY", upTo: APIKeys.maximumSize), in: .admin, otherwise: "no admin API", isSecret: true,
        "the key with which the operator lists and ends calls, changes the log's level and drains")
    static let adminPort = Setting<UInt16?>(
        "ADMIN_PORT", .port, in: .admin, otherwise: "as PORT", needsRestart: true,
        "where the operator is served apart from clients")
    static let adminHost = Setting<IPAddress>(
        "ADMIN_HOST", .address, in: .admin, default: .loopbackV4, needsRestart: true,
        "which of this machine's addresses ADMIN_PORT is at")

    // MARK: Several gateways

    static let redisURL = Setting<RedisAddress?>(
        "REDIS_URL", .redis, in: .fleet, otherwise: "each gateway counts by itself", isSecret: true, needsRestart: true,
        "a Redis by which gateways count connections of an address and of a key, and identities, together, and have one list of calls"
    )

    // MARK: Reports to other systems

    static let webhookURL = Setting<[HTTPURL]?>(
        "WEBHOOK_URL", .receivers, in: .reports, otherwise: "no webhooks", isSecret: true, needsRestart: true,
        "where events about calls are sent; it may hold a secret, so it is never shown")
    static let webhookSpool = Setting<String?>(
        "WEBHOOK_SPOOL", .text("DIRECTORY", upTo: 4096), in: .reports, otherwise: "events wait in memory alone",
        needsRestart: true, "a directory of the gateway's own for events that wait, which a restart then sends")

    static let dispatchTraceparent = Setting<Bool>(
        "DISPATCH_TRACEPARENT", .boolean, in: .reports, default: true,
        "whether an agent's metadata, if it is a JSON object, gets a member traceparent with the trace of the call")

    static let otelEndpoint = Setting<HTTPURL?>(
        "OTEL_EXPORTER_OTLP_ENDPOINT", .httpURL, in: .reports, otherwise: "no traces are sent", needsRestart: true,
        "where a collector takes spans by OTLP over HTTP; /v1/traces is added")
    static let otelHeaders = Setting<[TraceSettings.Header]?>(
        "OTEL_EXPORTER_OTLP_HEADERS", .headers, in: .reports, otherwise: "none", isSecret: true, needsRestart: true,
        "headers for the collector, name=value with percent-encoding")
    static let otelServiceName = Setting<String>(
        "OTEL_SERVICE_NAME", .text("NAME", upTo: 128), in: .reports, default: "voicegateway", needsRestart: true,
        "what the gateway is called in traces")

    /// What LiveKit allows for the name of a method.
    static let maximumRPCMethodBytes = 64
}
