package import HTTP
package import Observability
package import SecureTransport
package import Wire

/// What every part of the gateway may know: what the operator has decided, and what was made at the
/// start. May be shared by threads.
package struct GatewayEnvironment: Sendable {
    package let current: CurrentConfiguration
    /// The room server in use: the deployment, or the one inside with the port that it got.
    package let roomServer: HTTPURL
    /// Whom to trust when the room server speaks TLS.
    package let authorities: TLSClientContext
    /// Makes DTLS and SRTP for the media of all sessions, with one certificate.
    package let transports: OpenSSLTransportFactory
    package let log: Log
    package let metrics: Metrics
    /// With which clients are served; nil for no TLS.
    package var certificate: ServerCertificate?
    /// Decides who may connect.
    package let admission: Admission
    /// What this process is called in tokens that another gateway may read.
    package var id = Self.makeID()
    /// Tells other systems of calls; nil when none wants to know.
    package var reports: Reports?
    /// The gateways with which limits are shared; nil for none.
    package var fleet: Fleet?
    /// Agents that are on their way to rooms by HTTP requests.
    package var placements = AgentPlacements()
    /// Seconds since 1970.
    let startedAt = UnixClock.seconds()
    /// Tells calls apart by when they began.
    let callNumbers = CallNumbers()

    /// A name that no other process has.
    static func makeID() -> String { Base64.encode(SecureRandom.bytes(9), .urlSafeUnpadded) }

    package var configuration: GatewayConfiguration { current.value }

    package var credentials: APICredentials { current.part(\.roomServer.credentials) }

    /// The room server's address as clients are told it.
    package var livekitURL: String { configuration.tokens.livekitPublicURL ?? roomServer.webSocketText }
}

/// A kind of client connection: decides about the WebSockets of one path, on one loop.
package protocol ClientEndpoint: AnyObject {
    /// How many connections are open.
    var connectionCount: Int { get }

    /// Somebody asks for a WebSocket.
    func accept(_ request: UpgradeRequest)

    /// Asks the clients that can to go on at another gateway.
    /// - Parameters:
    ///   - deadline: when those that are still there will be told to go.
    ///   - perSecond: how many may be asked in a second.
    func askToMove(until deadline: Instant, perSecond: Double)

    /// The settings have been read again, and count for what begins from now on.
    func configurationChanged()

    /// Tells all clients that the gateway goes, leaves their rooms, and calls `completion` when the last has gone.
    func drain(completion: @escaping () -> Void)
}
