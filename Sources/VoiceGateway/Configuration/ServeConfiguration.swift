package import Observability
package import Signalling
package import Wire

/// How the gateway shall run.
package struct ServeConfiguration: Hashable, Sendable {
    package static let defaultPort: UInt16 = 3000
    package static let defaultAgentName = "custom-agent"
    package static let maximumThreads = 256
    package static let maximumResumeGrace = 300

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

    package init(_ settings: Settings) throws(UsageError) {
        var settings = settings
        let port = settings.port(option: "port", variable: "PORT", default: Self.defaultPort)
        let host = settings.address(option: "host", variable: "HOST", default: .anyV4)
        listenAddress = TransportAddress(ip: host, port: port)
        agentName = settings.value(option: "agent-name", variable: "AGENT_NAME")?.text ?? Self.defaultAgentName
        if agentName.isEmpty { settings.add("--agent-name must not be empty.") }
        certificateFile = settings.value(variable: "LIVEKIT_CA_FILE")?.text
        let threads = settings.count(option: "threads", variable: "THREADS", in: 1...Self.maximumThreads, default: 0)
        self.threads = threads == 0 ? nil : threads
        resumeGrace = settings.count(
            option: "resume-grace", variable: "RESUME_GRACE_SECONDS", in: 0...Self.maximumResumeGrace, default: 0)
        logLevel = settings.logLevel()
        roomServer = Self.roomServer(&settings, clientPort: port)
        try settings.finish()
    }

    private static func roomServer(_ settings: inout Settings, clientPort: UInt16) -> RoomServer {
        let devPort = settings.port(option: "dev-port", default: DevServerConfiguration.defaultPort)
        guard let url = settings.value(variable: "LIVEKIT_URL") else {
            if devPort == clientPort, devPort != 0 {
                settings.add(
                    "--port and --dev-port are both \(devPort), but clients and the room server need a port each.")
            }
            return .development(port: devPort, settings.credentials() ?? .development)
        }
        if settings.options.contains("dev-port") {
            settings.add(
                "--dev-port is for the development room server, which does not run because LIVEKIT_URL is set.")
        }
        let hasNeither =
            settings.value(variable: "LIVEKIT_API_KEY") == nil
            && settings.value(variable: "LIVEKIT_API_SECRET") == nil
        if hasNeither {
            settings.add(
                "LIVEKIT_URL is set without LIVEKIT_API_KEY and LIVEKIT_API_SECRET; set both, or leave LIVEKIT_URL out to "
                    + "use the development room server.")
        }
        let credentials = settings.credentials() ?? .development
        do throws(ServerURL.Failure) {
            return .deployment(try ServerURL(url.text), credentials)
        } catch {
            settings.add("LIVEKIT_URL is \"\(url.text)\", which is not usable: \(error).")
            return .development(port: devPort, credentials)
        }
    }
}

/// How the development room server shall run when it runs alone.
package struct DevServerConfiguration: Hashable, Sendable {
    package static let defaultPort: UInt16 = 7880

    /// Where participants connect; port 0 lets the system choose.
    package let listenAddress: TransportAddress
    package let credentials: APICredentials
    /// Whether the built-in agent steps in for agents that no worker has registered.
    package let isParrotEnabled: Bool
    package let logLevel: LogLevel

    package init(_ settings: Settings) throws(UsageError) {
        var settings = settings
        let port = settings.port(option: "port", default: Self.defaultPort)
        let host = settings.address(option: "host", default: .loopbackV4)
        listenAddress = TransportAddress(ip: host, port: port)
        logLevel = settings.logLevel()
        credentials = settings.credentials() ?? .development
        isParrotEnabled = !settings.options.contains("no-parrot")
        if settings.value(variable: "LIVEKIT_URL") != nil {
            settings.add(
                "LIVEKIT_URL is set, so there is a LiveKit deployment already; unset it to run the development room server."
            )
        }
        try settings.finish()
    }
}
