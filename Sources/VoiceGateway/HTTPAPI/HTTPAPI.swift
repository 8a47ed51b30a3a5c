internal import EventLoops
internal import HTTP
internal import LiveKitParticipant
internal import Observability
internal import Wire

/// The HTTP interface on one loop.
///
/// Belongs to the loop's thread.
final class HTTPAPI {
    private var interface: HTTPInterface
    private let makeInterface: () -> HTTPInterface
    private let admission: Admission
    /// Requests whose answers are still to come.
    private var pending = 0
    private var drained: (() -> Void)?

    init(
        loop: EventLoop, environment: GatewayEnvironment, api: ServerAPI, placer: AgentPlacer,
        operations: any GatewayOperations, isForOperator: Bool = false
    ) {
        let admission = environment.admission
        self.admission = admission
        let startedAt = loop.now
        makeInterface = {
            let admin = environment.configuration.admin
            let isHere = admin.key != nil && (admin.listenAddress != nil) == isForOperator
            return HTTPInterface(
                HTTPInterface.Surroundings(
                    configuration: environment.configuration, livekitURL: environment.livekitURL,
                    rooms: RoomServerCalls(api: api, placer: placer),
                    metrics: environment.metrics, log: environment.log,
                    now: { loop.now }, startedAt: startedAt, wallClock: UnixClock.now,
                    refusal: { request, bearerMayBeKey in
                        let verdict = admission.check(request, bearerMayBeKey: bearerMayBeKey, now: loop.now)
                        guard case .refused(let reason, let seconds) = verdict else { return nil }
                        return RequestRefusal(reason: reason, retryAfterSeconds: seconds)
                    },
                    operatorRefusal: { request in
                        guard case .refused(let reason, let seconds) = admission.checkOperator(request, now: loop.now)
                        else { return nil }
                        return RequestRefusal(reason: reason, retryAfterSeconds: seconds)
                    }, operations: isHere ? operations : nil,
                    clientSecret: { admission.makeClientSecret(for: $0, $1, expiry: $2) }, devices: admission.devices,
                    servesClients: !isForOperator,
                    clientAddress: admission.address, calls: { admission.placesTaken },
                    processMetrics: {
                        ProcessMetrics.snapshot(
                            startedAt: environment.startedAt, logLinesLost: environment.log.linesLost)
                    },
                    isDraining: { admission.isClosed }))
        }
        interface = makeInterface()
    }

    /// The settings have been read again. Requests that are under way are answered as they began.
    func configurationChanged() { interface = makeInterface() }

    /// Answers a request by one call of `completion`, now or later.
    func handle(_ request: HTTPRequest, completion: @escaping (HTTPResponse) -> Void) {
        pending += 1
        interface.handle(request) { [self] response in
            completion(response)
            pending -= 1
            finishDraining()
        }
    }

    /// Whether the body of this request, whose head has been read, may be as large as the operation needs.
    func takesBody(_ request: HTTPRequest) -> Bool { interface.takesBody(request) && admission.knows(request) }

    /// Answers bytes that are no usable request.
    func response(to error: HTTPRequestError, in request: HTTPRequest?) -> HTTPResponse {
        interface.response(to: error, in: request)
    }

    /// Calls `completion` when what has been asked is answered.
    func drain(completion: @escaping () -> Void) {
        drained = completion
        finishDraining()
    }

    private func finishDraining() {
        guard pending == 0, let drained else { return }
        self.drained = nil
        drained()
    }
}
