internal import HTTPClient
internal import LiveKitParticipant
internal import Observability
internal import SecureTransport
internal import Shard
internal import WebSocket
internal import Wire

/// The HTTP interface on one loop, with its connection to the room server.
///
/// Belongs to the loop's thread.
final class HTTPAPI {
    private let client: HTTPClient
    private let interface: HTTPInterface
    /// Requests whose answers are still to come.
    private var pending = 0
    private var drained: (() -> Void)?

    init(loop: EventLoop, environment: GatewayEnvironment, webSocketPaths: [String]) {
        client = HTTPClient(loop: loop, authorities: environment.authorities)
        let api = ServerAPI(
            client: client, server: environment.roomServer, key: environment.credentials.key,
            secret: environment.credentials.secret, authentication: .openSSL, unixTime: Console.unixTime)
        let admission = environment.admission
        interface = HTTPInterface(
            HTTPInterface.Surroundings(
                configuration: HTTPAPIConfiguration(environment),
                rooms: RoomServerCalls(
                    api: api, loop: loop, placements: environment.placements, log: environment.log),
                webSocketPaths: webSocketPaths, metrics: environment.metrics, log: environment.log,
                now: { loop.now }, wallClock: Log.wallClock,
                refusal: { request in
                    guard case .refused(let reason, let seconds) = admission.check(request, now: loop.now) else {
                        return nil
                    }
                    return RequestRefusal(reason: reason, retryAfterSeconds: seconds)
                }, clientAddress: admission.address))
    }

    /// Answers a request by one call of `completion`, now or later.
    func handle(_ request: WebSocket.HTTPRequest, completion: @escaping (WebSocket.HTTPResponse) -> Void) {
        pending += 1
        interface.handle(request) { [self] response in
            completion(response)
            pending -= 1
            finishDraining()
        }
    }

    /// Answers bytes that are no usable request.
    func response(to error: HTTPRequestError, in request: WebSocket.HTTPRequest?) -> WebSocket.HTTPResponse {
        interface.response(to: error, in: request)
    }

    /// Answers what has been asked, then ends.
    func drain(completion: @escaping () -> Void) {
        interface.startDraining()
        drained = completion
        finishDraining()
    }

    /// Ends at once: what waits for the room server is answered with errors.
    func close() { client.close() }

    private func finishDraining() {
        guard pending == 0, let drained else { return }
        self.drained = nil
        client.close()
        drained()
    }
}
