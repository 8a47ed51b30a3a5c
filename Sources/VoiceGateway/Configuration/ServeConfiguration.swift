package import ClientProtocol
package import Observability
package import Signalling
package import Wire

/// How the gateway shall run.
package struct ServeConfiguration: Hashable, Sendable {
    /// Where the rooms are.
    package enum RoomServer: Hashable, Sendable {
        /// A LiveKit deployment.
        case deployment(ServerURL, APICredentials)
        /// The development room server inside this process, on a loopback port.
        case development(port: UInt16, APICredentials)

        package var credentials: APICredentials {
            switch self {
            case .deployment(_, let credentials), .development(_, let credentials): credentials
            }
        }
    }

    /// Where clients connect; port 0 lets the system choose.
    package let listenAddress: TransportAddress
    package let roomServer: RoomServer
    /// The agent that is dispatched into each room.
    package let agentName: String
    /// A PEM file with the authorities to trust in place of the system's.
    package let certificateFile: String?
    /// How many event loops run; nil for one a core.
    package let threads: Int?
    /// How many seconds the participant of a client whose connection broke stays in its room; 0: it leaves at once.
    package let resumeGrace: Int
    package let logLevel: LogLevel
    package let access: AccessPolicy
    /// How fast one client may come; nil for no limit.
    package let rateLimit: RateLimit?
    package let tokens: TokenSettings
    package let limits: ConnectionLimits
    package let conversation: ConversationSettings
    package let http: HTTPSettings

    /// Reads all settings. `settings` then knows what counts and what may not be meant.
    package init(_ settings: inout Settings) throws(UsageError) {
        roomServer = Self.roomServer(&settings)
        agentName = settings.read(GatewaySettings.agentName)
        certificateFile = settings.read(GatewaySettings.livekitCAFile)
        tokens = TokenSettings(&settings)
        let port = settings.read(GatewaySettings.port)
        listenAddress = TransportAddress(ip: settings.read(GatewaySettings.host), port: port)
        threads = settings.read(GatewaySettings.threads)
        logLevel = settings.read(GatewaySettings.logLevel)
        access = AccessPolicy(&settings, agentName: agentName)
        rateLimit = Self.rateLimit(&settings)
        limits = ConnectionLimits(&settings, hasKeys: access.requiresKey)
        conversation = ConversationSettings(&settings)
        resumeGrace = settings.read(GatewaySettings.resumeGraceSeconds)
        http = HTTPSettings(&settings, access)
        if case .development(let devPort, _) = roomServer, devPort == port, port != 0 {
            settings.add("--port and --dev-port are both \(port), but clients and the room server need a port each.")
        }
        if let warning = OpenDoor.warning(about: self) { settings.warn(warning) }
        settings.findMisspeltNames(among: GatewaySettings.all)
        try settings.finish()
    }

    /// The settings of tokens, with the address of the room server that is in use where the operator named none.
    package func tokens(at url: ServerURL) -> TokenSettings {
        var tokens = tokens
        if tokens.url == nil { tokens.url = url.webSocketURL("") }
        return tokens
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
    package let logLevel: LogLevel

    package init(_ settings: Settings) throws(UsageError) {
        var settings = settings
        // PORT and HOST are about clients of the gateway, and may stand in the same settings file.
        let port = settings.read(GatewaySettings.port, onlyFlag: true, default: GatewaySettings.devPort.standard)
        let host = settings.read(GatewaySettings.host, onlyFlag: true, default: .loopbackV4)
        listenAddress = TransportAddress(ip: host, port: port)
        logLevel = settings.read(GatewaySettings.logLevel)
        credentials = settings.credentials() ?? .development
        isParrotEnabled = !settings.options.contains("no-parrot")
        if settings.isSet(GatewaySettings.livekitURL) {
            settings.add(
                "LIVEKIT_URL is set, so there is a LiveKit deployment already; unset it to run the development room server."
            )
        }
        try settings.finish()
    }
}
