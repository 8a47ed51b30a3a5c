internal import ClientProtocol
internal import HTTP
internal import Observability
internal import Wire

/// All routes of the gateway with what they need, and no socket: requests in, answers out.
final class HTTPInterface {
    /// What the routes need of the process around them.
    struct Surroundings {
        let configuration: GatewayConfiguration
        /// Where clients that speak LiveKit themselves find the room server.
        let livekitURL: String
        let rooms: any RoomServerAccess
        let metrics: Metrics
        let log: Log
        let now: () -> Instant
        /// When the process began to serve.
        let startedAt: Instant
        /// Seconds and nanoseconds since 1970.
        let wallClock: () -> (seconds: Int, nanoseconds: Int)
        /// Who may call what is guarded; nil for yes.
        let refusal: (HTTPRequest, _ bearerMayBeKey: Bool) -> RequestRefusal?
        /// Who may call what is the operator's; nil for yes.
        var operatorRefusal: (HTTPRequest) -> RequestRefusal? = { _ in
            RequestRefusal(reason: .missingKey)
        }
        /// What the operator can do; nil for nothing.
        var operations: (any GatewayOperations)?
        /// Makes a client secret for whoever has sent a request; nil only when memory ran out.
        var clientSecret: (HTTPRequest, _ parameters: JSONObject, _ expiry: Int64) -> String? = { _, _, _ in nil }
        /// The devices that may connect.
        var devices: DeviceRegistry?
        /// Whether clients and their backends are served here.
        var servesClients = true
        /// Who a request comes from, whatever is in between.
        let clientAddress: (HTTPRequest) -> IPAddress
        /// How many calls there are.
        var calls: () -> Int = { 0 }
        /// Metrics of the process, in the text format of Prometheus.
        var processMetrics: () -> String = { "" }
        /// Whether nobody is let in any more, because the gateway goes.
        var isDraining: () -> Bool = { false }
    }

    private let router: HTTPRouter
    private let state = State()

    /// What routes look at later.
    private final class State {
        var index = JSONValue.null
        var description = ""
    }

    init(_ around: Surroundings) {
        let unixTime = { Int64(around.wallClock().seconds) }
        let general = GeneralRoutes(
            metrics: around.metrics, processMetrics: around.processMetrics, index: { [state] in state.index },
            description: { [state] in state.description },
            hasPlayground: around.configuration.http.hasPlayground && around.servesClients)
        let health = HealthRoutes(
            uptime: { around.now() - around.startedAt }, wallClock: around.wallClock,
            isDraining: around.isDraining, calls: around.calls,
            probe: RoomServerProbe(rooms: around.rooms, now: around.now))
        let sessions = SessionRoutes(
            configuration: around.configuration, livekitURL: around.livekitURL, rooms: around.rooms, log: around.log,
            unixTime: unixTime)
        let tokens = TokenRoutes(
            configuration: around.configuration, livekitURL: around.livekitURL, unixTime: unixTime)
        var routes = general.routes + health.routes
        if around.servesClients {
            let twilio = TwilioRoutes(
                authToken: around.configuration.carriers.twilioAuthToken,
                address: PublicAddress(around.configuration.http))
            routes += BrowserRoutes.routes + sessions.routes + tokens.routes + twilio.routes
            routes += RealtimeRoutes(secret: around.clientSecret, unixTime: unixTime).routes
        }
        if let devices = around.devices {
            if around.servesClients {
                let http = around.configuration.http
                routes +=
                    XiaozhiRoutes(
                        devices: devices, address: PublicAddress(http), now: around.now, wallClock: around.wallClock,
                        name: http.publicURL?.origin.host ?? "VoiceGateway"
                    ).routes
            }
            if around.operations != nil { routes += PairingRoutes(devices: devices, now: around.now).routes }
        }
        if let operations = around.operations {
            routes += AdminRoutes(operations: operations).routes + AdminGatewayRoutes(operations: operations).routes
        }
        let document = OpenAPIDocument(
            routes: routes, dialects: around.servesClients ? ClientDialects.descriptors : [],
            configuration: around.configuration,
            version: Product.version)
        state.description = document.json.serialized()
        state.index = document.index
        router = HTTPRouter(routes: routes, around)
    }

    /// Answers a request by one call of `completion`, now or later.
    func handle(_ request: HTTPRequest, completion: @escaping (HTTPResponse) -> Void) {
        router.handle(request, completion: completion)
    }

    /// Whether there is an operation for the request that reads a body.
    func takesBody(_ request: HTTPRequest) -> Bool { router.takesBody(request) }

    /// Answers bytes that are no usable request.
    func response(to error: HTTPRequestError, in request: HTTPRequest?) -> HTTPResponse {
        router.response(to: error, in: request)
    }
}
