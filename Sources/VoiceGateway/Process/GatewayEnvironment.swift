package import ClientProtocol
package import Observability
package import SecureTransport
package import Signalling

/// What every part of the gateway may know: where the rooms are, and where to write about it. May be shared by threads.
package struct GatewayEnvironment: Sendable {
    /// The room server: a deployment, or the one inside.
    package let roomServer: ServerURL
    package let credentials: APICredentials
    /// The agent that is dispatched into each room, unless a client asks for another.
    package let agentName: String
    /// Whom to trust when the room server speaks TLS.
    package let authorities: TLSClientContext
    /// Makes DTLS and SRTP for the media of all sessions, with one certificate.
    package let transports: OpenSSLTransportFactory
    package let log: Log
    package let metrics: Metrics
    /// Decides who may connect.
    package let admission: Admission
    /// How long the participant of a client whose connection broke stays in its room; zero: not at all.
    package var resumeGrace = Duration.zero
    /// Who may connect.
    package var access = AccessPolicy()
    /// How fast one client may come; nil for no limit.
    package var rateLimit: RateLimit?
    package var tokens = TokenSettings()
    package var limits = ConnectionLimits()
    package var conversation = ConversationSettings()
    package var http = HTTPSettings()
    /// Agents that are on their way to rooms by HTTP requests.
    package var placements = AgentPlacements()
}

/// A kind of client connection: decides about the WebSockets of one path, on one loop.
package protocol ClientEndpoint: AnyObject {
    /// How many connections are open.
    var connectionCount: Int { get }

    /// Somebody asks for a WebSocket.
    func accept(_ request: UpgradeRequest)

    /// Tells all clients that the gateway goes, leaves their rooms, and calls `completion` when the last has gone.
    func drain(completion: @escaping () -> Void)
}
