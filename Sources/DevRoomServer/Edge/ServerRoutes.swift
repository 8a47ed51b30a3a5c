internal import HTTP
internal import HTTPServer
internal import Signalling
internal import WebSocket

/// Leads HTTP requests to the parts that answer them.
final class ServerRoutes {
    private let hub: RoomHub
    private let authentication: ServerAuthentication
    private let join: JoinEndpoint
    private let twirp: TwirpService

    init(_ hub: RoomHub) {
        self.hub = hub
        authentication = ServerAuthentication(keys: hub.environment.keys)
        join = JoinEndpoint(hub: hub, authentication: authentication)
        twirp = TwirpService(hub: hub, authentication: authentication)
    }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        var response: HTTPResponse
        var request = request
        request.path = Self.collapsed(request.path)
        if request.method == .options {
            response = .empty(204)
        } else {
            switch request.path {
            case "/": response = .text(200, "OK")
            case "/rtc/validate", "/rtc/v1/validate": response = join.validate(request)
            case let path where path.hasPrefix(TwirpService.prefix): response = twirp.respond(to: request)
            default: response = .text(404, "not found")
            }
        }
        Self.allowAnyOrigin(&response, for: request)
        responder.respond(response)
    }

    func handleUpgrade(_ request: HTTPRequest, _ upgrade: WebSocketUpgrade) {
        var request = request
        request.path = Self.collapsed(request.path)
        switch request.path {
        case "/rtc", "/rtc/v1": join.upgrade(request, upgrade)
        case "/agent": acceptWorker(request, upgrade)
        default: upgrade.reject(.text(404, "not found"))
        }
    }

    private func acceptWorker(_ request: HTTPRequest, _ upgrade: WebSocketUpgrade) {
        let token: AccessToken
        do throws(Unauthorized) {
            token = try authentication.token(of: request, now: hub.environment.time.unixSeconds)
        } catch {
            return upgrade.reject(.text(401, error.reason))
        }
        guard token.video.agent else {
            return upgrade.reject(.text(401, "permissions denied: the token is not for an agent worker"))
        }
        guard hub.agents.workers.workers.count < AgentWorkers.maximumWorkers else {
            return upgrade.reject(.text(503, "too many workers"))
        }
        let worker = WorkerSession(hub, key: token.key, secret: authentication.secret(for: token))
        hub.opened(worker)
        worker.opened(upgrade.accept(worker, configuration: SignalSession.configuration))
    }

    /// Several slashes count as one.
    private static func collapsed(_ path: String) -> String {
        guard path.contains("//") else { return path }
        let parts = path.split(separator: "/")
        return "/" + parts.joined(separator: "/")
    }

    /// Browsers may call from any page, as they may with LiveKit's own server.
    private static func allowAnyOrigin(_ response: inout HTTPResponse, for request: HTTPRequest) {
        guard let origin = request.headers["Origin"] else { return }
        response.headers.set("Access-Control-Allow-Origin", origin)
        response.headers.set("Vary", "Origin")
        guard request.method == .options else { return }
        response.headers.set("Access-Control-Allow-Methods", "OPTIONS, HEAD, GET, POST, PATCH, DELETE")
        response.headers.set(
            "Access-Control-Allow-Headers", request.headers["Access-Control-Request-Headers"] ?? "*")
        response.headers.set("Access-Control-Max-Age", "86400")
    }
}
