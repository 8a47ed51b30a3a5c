internal import EventLoops
internal import HTTP
internal import HTTPServer
internal import Wire

/// The operator's own port: the same HTTP interface, with the operator's operations and no others that cost something.
///
/// Belongs to the loop's thread.
final class AdminListener: HTTPHandler {
    static let maximumConnections = 64

    private let http: HTTPAPI
    private var server: HTTPServer! = nil

    /// - Parameter http: answers here.
    init(loop: EventLoop, environment: GatewayEnvironment, http: HTTPAPI) {
        self.http = http
        var configuration = HTTPServer.Configuration()
        configuration.maximumBodyBytes = GatewayLoop.maximumBodyBytesOfUnknown
        configuration.maximumConnections = Self.maximumConnections
        server = HTTPServer(loop: loop, configuration: configuration, handler: self)
        server.certificate = environment.certificate.map { certificate in { certificate.context } }
    }

    func listen(at address: TransportAddress) throws(EventLoopError) -> TransportAddress {
        try server.listen(at: address)
    }

    func configurationChanged() { http.configurationChanged() }

    func close() { server.close() }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        http.handle(request) { responder.respond($0) }
    }

    func response(to error: HTTPRequestError, in request: HTTPRequest?) -> HTTPResponse {
        http.response(to: error, in: request)
    }
}
