internal import Bridge
internal import EventLoops
internal import LiveKitParticipant
internal import Observability
internal import SecureTransport
internal import Signalling
internal import WebSocket
internal import Wire

/// Joins rooms of the LiveKit deployment, or of the room server inside.
final class LiveKitRoomConnector: RoomConnector {
    /// How long the token of a caller is valid, in seconds. The server renews it while the caller is there.
    static let tokenLifetime: Int64 = 3600

    private let loop: EventLoop
    private let context: WebSocketContext
    private let placer: AgentPlacer
    private let api: ServerAPI
    private let environment: GatewayEnvironment
    private let counters: UnsupportedMessageCounters
    /// Keys of rooms are expensive to derive, and many calls have the same.
    private var chains: [RoomKey: KeyChain] = [:]
    private let undecipherable: Counter

    /// Keys that are kept.
    private static let maximumChains = 256

    init(
        loop: EventLoop, context: WebSocketContext, placer: AgentPlacer, api: ServerAPI, environment: GatewayEnvironment
    ) {
        self.api = api
        self.loop = loop
        self.context = context
        self.placer = placer
        self.environment = environment
        counters = UnsupportedMessageCounters(environment.metrics)
        undecipherable = environment.metrics.counter(
            "voicegateway_undecipherable_frames_total",
            help: "Encrypted frames and packets that could not be decrypted: another key, or none.")
    }

    func join(_ request: RoomRequest, delegate: any RoomConnectionDelegate) -> any RoomConnection {
        let configuration = ParticipantConfiguration(
            server: environment.roomServer, token: request.accessToken ?? token(for: request))
        let log = environment.log.with([
            "session": request.session, "room": request.room, "identity": request.identity,
            "trace_id": request.trace?.traceText ?? "",
        ])
        let encryption = encryption(for: request)
        let participant = RoomParticipant(
            loop: loop,
            environment: ParticipantEnvironment(
                webSockets: context, transports: environment.transports, authentication: .openSSL,
                occupancy: { [api] in Self.occupant($0, $1, api, $2) }),
            random: SecureRandom(), configuration: configuration, encryption: encryption, log: log)
        var microphone = MicrophoneOptions()
        // On a thin uplink there is no room for it; SILK brings its own.
        microphone.isRedundant = environment.current.part(\.conversation.opus.link) == .wide
        return LiveKitRoomConnection(
            participant: participant, placer: placer, counters: counters, log: log,
            hasOwnToken: request.accessToken != nil,
            encryption: encryption == nil ? .none : request.encryptionSecret == nil ? .operator : .client,
            replacesCaller: request.replacesCaller, wantsAgentEvents: request.wantsAgentEvents, loop: loop,
            microphone: microphone, delegate: delegate)
    }

    /// What the call is encrypted with: by the client's key, or else by the operator's; nil for a call in clear.
    private func encryption(for request: RoomRequest) -> RoomEncryption? {
        let keys =
            request.encryptionSecret.map { [RoomKey($0)] }
            ?? environment.current.part { $0.encryption.keys(of: request.room) }
        return RoomEncryption(keys.map(chain), random: SecureRandom()) { [undecipherable] in undecipherable.add() }
    }

    private func chain(_ key: RoomKey) -> KeyChain {
        if let known = chains[key] { return known }
        if chains.count >= Self.maximumChains { chains = [:] }
        let chain = KeyChain(key, loop: loop)
        chains[key] = chain
        return chain
    }

    /// How long a caller that comes back to its room waits to learn whether its place is taken.
    private static let occupancyTimeout = Duration.seconds(2)

    private static func occupant(
        _ identity: String, _ room: String, _ api: ServerAPI, _ completion: @escaping (String?) -> Void
    ) {
        api.send(.getParticipant(identity, in: room), timeout: occupancyTimeout) { result in
            // Who cannot be asked is no reason to stay away.
            let participant = try? result.get()
            completion(participant?.state == .disconnected ? nil : participant?.sid)
        }
    }

    /// A token for one caller and one room, with all that a call needs and nothing else.
    private func token(for request: RoomRequest) -> String {
        let now = UnixClock.seconds()
        let token = AccessToken.with {
            $0.key = environment.credentials.key
            $0.identity = request.identity
            $0.name = request.name
            // The operator's word counts more than the client's.
            $0.attributes = request.attributes.merging(environment.current.part(\.conversation.attributes)) { $1 }
            $0.video = .join(room: request.room)
            $0.notBefore = now
            $0.expiresAt = now + Self.tokenLifetime
        }
        return token.signed(secret: environment.credentials.secret, .openSSL)
    }
}
