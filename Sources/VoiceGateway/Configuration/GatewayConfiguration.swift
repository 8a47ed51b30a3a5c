package import ClientProtocol
package import HTTP
package import Observability
package import RedisClient
package import Signalling
package import Wire

/// What the operator has decided: made once from the settings and handed down as it is. A part is named like its group of
/// settings, a value like its variable; units are in the types.
package struct GatewayConfiguration: Hashable, Sendable {
    /// Where the rooms are.
    package enum RoomServer: Hashable, Sendable {
        /// A LiveKit deployment.
        case deployment(HTTPURL, APICredentials)
        /// The development room server inside this process, on a loopback port.
        case development(port: UInt16, APICredentials)

        /// Whether the rooms end with the process.
        package var isInside: Bool { if case .development = self { true } else { false } }

        package var credentials: APICredentials {
            switch self {
            case .deployment(_, let credentials), .development(_, let credentials): credentials
            }
        }
    }

    // LiveKit
    package var roomServer = RoomServer.development(port: GatewaySettings.devPort.standard, .development)
    /// A PEM file with the authorities to trust in place of the system's.
    package var livekitCAFile: String?
    /// By which proxy the room server is reached.
    package var outgoing = OutgoingProxy()
    /// The agent that is dispatched into each room.
    package var agentName = GatewaySettings.agentName.standard
    package var encryption = EncryptionSettings()
    package var tokens = TokenSettings()

    // The process
    /// Where clients connect; port 0 lets the system choose.
    package var listenAddress = TransportAddress(
        ip: GatewaySettings.host.standard, port: GatewaySettings.port.standard)
    /// A path of the file system at which clients are served besides; nil: none.
    package var unixSocket: String?
    /// Nil: clients are served without TLS.
    package var tls: TLSSettings?
    /// How many event loops run; nil for one a core.
    package var threads: Int?
    package var logLevel = GatewaySettings.logLevel.standard
    package var logFormat = GatewaySettings.logFormat.standard
    package var drain = DrainSettings.roomsInside

    package var access = AccessPolicy()
    package var devices = DeviceSettings()
    package var carriers = CarrierSettings()
    /// How fast one client may come; nil for no limit.
    package var rateLimit: RateLimit?
    package var limits = ConnectionLimits()
    package var conversation = ConversationSettings()
    package var http = HTTPSettings()
    package var admin = AdminSettings()
    /// Whether agents are told of their call's trace.
    package var dispatchTraceparent = GatewaySettings.dispatchTraceparent.standard
    /// What gateways share to count together; nil: each counts by itself.
    package var redis: RedisAddress?
    /// Nil: nobody collects traces.
    package var traces: TraceSettings?
    /// Nil: nobody is told of calls.
    package var webhooks: WebhookSettings?

    /// What counts when nothing is set.
    package init() {}

    /// Reads all settings. `settings` then knows what counts and what may not be meant.
    package init(_ settings: inout Settings) throws(UsageError) {
        roomServer = Self.roomServer(&settings)
        agentName = settings.read(GatewaySettings.agentName)
        livekitCAFile = settings.read(GatewaySettings.livekitCAFile)
        outgoing.proxy = settings.read(GatewaySettings.httpsProxy)
        outgoing.exceptions = settings.read(GatewaySettings.noProxy)
        encryption = EncryptionSettings(&settings)
        tokens = TokenSettings(&settings)
        let port = settings.read(GatewaySettings.port)
        listenAddress = TransportAddress(ip: settings.read(GatewaySettings.host), port: port)
        unixSocket = settings.read(GatewaySettings.unixSocket)
        tls = TLSSettings.read(&settings)
        threads = settings.read(GatewaySettings.threads)
        logLevel = settings.read(GatewaySettings.logLevel)
        logFormat = settings.read(GatewaySettings.logFormat)
        drain = DrainSettings(&settings, hasRoomsInside: roomServer.isInside)
        access = AccessPolicy(&settings, agentName: agentName)
        devices = DeviceSettings(&settings)
        carriers = CarrierSettings(&settings)
        rateLimit = Self.rateLimit(&settings)
        limits = ConnectionLimits(&settings, hasKeys: access.requiresKey)
        conversation = ConversationSettings(&settings)
        http = HTTPSettings(&settings, access)
        admin = AdminSettings(&settings, clients: listenAddress, clientKeys: access.apiKeys)
        dispatchTraceparent = settings.read(GatewaySettings.dispatchTraceparent)
        redis = settings.read(GatewaySettings.redisURL)
        traces = TraceSettings.read(&settings)
        webhooks = WebhookSettings.read(&settings)
        if case .development(let devPort, _) = roomServer, devPort == port, port != 0 {
            settings.add("--port and --dev-port are both \(port), but clients and the room server need a port each.")
        }
        if let warning = OpenDoor.warning(about: self) { settings.warn(warning) }
        settings.findMisspeltNames(among: GatewaySettings.all)
        try settings.finish()
    }

    private static func roomServer(_ settings: inout Settings) -> RoomServer {
        let url = settings.read(GatewaySettings.livekitURL)
        let devPort = settings.read(GatewaySettings.devPort)
        let credentials = settings.credentials()
        guard settings.isSet(GatewaySettings.livekitURL) else {
            return .development(port: devPort, credentials ?? .development)
        }
        if settings.options.contains("dev-port") {
            settings.add(
                "--dev-port is for the development room server, which does not run because LIVEKIT_URL is set.")
        }
        if !settings.isSet(GatewaySettings.livekitAPIKey), !settings.isSet(GatewaySettings.livekitAPISecret) {
            settings.add(
                "LIVEKIT_URL is set without LIVEKIT_API_KEY and LIVEKIT_API_SECRET; set both, or leave LIVEKIT_URL out to "
                    + "use the development room server.")
        }
        // Without a usable URL there is a mistake already, and this value goes nowhere.
        guard let url else { return .development(port: 0, .development) }
        return .deployment(url, credentials ?? .development)
    }

    private static func rateLimit(_ settings: inout Settings) -> RateLimit? {
        let isEnabled = settings.read(GatewaySettings.rateLimitEnabled)
        let requests = settings.read(GatewaySettings.rateLimitRequests)
        let seconds = settings.read(GatewaySettings.rateLimitWindowSeconds)
        let multiplier = settings.read(GatewaySettings.rateLimitBurstMultiplier)
        if Double(requests) * multiplier < 1 {
            settings.add(
                "RATE_LIMIT_REQUESTS × RATE_LIMIT_BURST_MULTIPLIER is \(requests) × \(multiplier), but must be 1 at least: "
                    + "otherwise nobody is ever let in.")
        }
        return isEnabled ? RateLimit(requests: requests, seconds: seconds, burstMultiplier: multiplier) : nil
    }
}

/// How the development room server shall run when it runs alone.
package struct DevServerConfiguration: Hashable, Sendable {
    /// Where participants connect; port 0 lets the system choose.
    package let listenAddress: TransportAddress
    package let credentials: APICredentials
    /// Whether the built-in agent steps in for agents that no worker has registered.
    package let isParrotEnabled: Bool
    /// Whether media comes over UDP, too.
    package let takesUDP: Bool
    /// STUN and TURN servers that clients are told of.
    package let iceServers: [ICEServer]
    /// Whether clients are told to use TURN servers alone.
    package let forcesRelay: Bool
    package let logLevel: LogLevel
    package let logFormat: LogFormat

    package init(_ settings: Settings) throws(UsageError) {
        var settings = settings
        // PORT and HOST are about clients of the gateway, and may stand in the same settings file.
        let port = settings.read(GatewaySettings.port, onlyFlag: true, default: GatewaySettings.devPort.standard)
        let host = settings.read(GatewaySettings.host, onlyFlag: true, default: .loopbackV4)
        listenAddress = TransportAddress(ip: host, port: port)
        logLevel = settings.read(GatewaySettings.logLevel)
        logFormat = settings.read(GatewaySettings.logFormat)
        credentials = settings.credentials() ?? .development
        isParrotEnabled = !settings.options.contains("no-parrot")
        takesUDP = !settings.options.contains("no-udp")
        iceServers = (settings.options.values["ice-server"] ?? []).map(Self.iceServer)
        forcesRelay = settings.options.contains("force-relay")
        if settings.isSet(GatewaySettings.livekitURL) {
            settings.add(
                "LIVEKIT_URL is set, so there is a LiveKit deployment already; unset it to run the development room server."
            )
        }
        try settings.finish()
    }

    /// Reads `turn:USER:PASSWORD@HOST:PORT?transport=udp`; what it does not understand is announced as it is.
    private static func iceServer(_ text: String) -> ICEServer {
        .with { server in
            server.urls = [text]
            guard let colon = text.firstIndex(of: ":"), let at = text.lastIndex(of: "@"), colon < at else { return }
            let words = text[text.index(after: colon)..<at].split(separator: ":", maxSplits: 1)
            guard words.count == 2 else { return }
            server.urls = ["\(text[...colon])\(text[text.index(after: at)...])"]
            server.username = String(words[0])
            server.credential = String(words[1])
        }
    }
}
