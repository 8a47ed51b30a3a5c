internal import Signalling

/// How this server presents itself to clients and workers.
struct ServerDescription: Hashable {
    /// The LiveKit release whose behaviour is followed. SDKs in Rust insist on semantic versioning, and use RPC from
    /// 1.8.0 on.
    static let version = "1.13.5"
    static let protocolVersion: Int32 = 17
    static let agentProtocol: Int32 = 1
    /// Seconds between a client's pings, and after which silence of the server counts as lost.
    static let pingInterval: Int32 = 5
    static let pingTimeout: Int32 = 15

    let nodeID: String
    /// STUN and TURN servers that clients are told of.
    var iceServers: [ICEServer] = []
    /// Whether clients are told to use TURN servers alone.
    var forcesRelay = false

    /// What clients shall do differently; nil: nothing.
    var clientConfiguration: ClientConfiguration? { forcesRelay ? .with { $0.forceRelay = .enabled } : nil }

    var info: ServerInfo {
        .with {
            $0.version = Self.version
            $0.protocolVersion = Self.protocolVersion
            $0.nodeId = nodeID
            $0.agentProtocol = Self.agentProtocol
        }
    }
}
