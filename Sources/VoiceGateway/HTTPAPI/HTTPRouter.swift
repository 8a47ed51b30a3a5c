internal import ClientProtocol
internal import HTTP
internal import Observability
internal import SecureTransport
internal import Wire

/// Why a guarded request is not served.
struct RequestRefusal: Hashable {
    let reason: AdmissionRefusal
    /// When to come again, if that helps.
    var retryAfterSeconds: Int?
}

/// Leads requests to their routes, and gives each answer what all have: the headers for browsers of other origins, the
/// request's id, and a line in the log. Knows no sockets: a request in, an answer out.
///
/// Belongs to the loop's thread.
final class HTTPRouter {
    private let routes: [String: [HTTPRoute]]
    /// Paths with parts that stand for any, by their parts.
    private let patterns: [(parts: [Substring], path: String)]
    private let webSocketPaths: Set<String>
    private let crossOrigin: CrossOriginPolicy
    private let around: HTTPInterface.Surroundings

    init(routes: [HTTPRoute], _ around: HTTPInterface.Surroundings) {
        self.routes = Dictionary(grouping: routes, by: \.path)
        patterns = self.routes.keys.filter { $0.contains("{") }.map { (Self.parts(of: $0[...]), $0) }
        webSocketPaths = Set(ClientDialects.paths.keys)
        crossOrigin = CrossOriginPolicy(
            origins: around.configuration.http.allowedOrigins,
            requestIDHeader: around.configuration.http.requestIDHeader)
        self.around = around
    }

    /// Answers a request by one call of `completion`, now or later.
    func handle(_ request: HTTPRequest, completion: @escaping (HTTPResponse) -> Void) {
        let finish = finishing(request, completion)
        let routes = routes(at: request.path)
        if CrossOriginPolicy.isPreflight(request) {
            let style = routes.first?.errors ?? .session
            return finish(crossOrigin.preflight(request, methods: methods(of: request.path), errors: style))
        }
        let method = request.method == .head ? .get : request.method
        guard let route = routes.first(where: { $0.method == method }) else {
            return finish(withoutRoute(request, routes))
        }
        if let refusal = refusal(request, route) { return finish(refusal) }
        route.handler(request, finish)
    }

    /// Whether there is an operation for the request that reads a body.
    func takesBody(_ request: HTTPRequest) -> Bool {
        routes(at: request.path).contains { $0.method == request.method && $0.documentation.body != nil }
    }

    /// Answers bytes that are no usable request.
    func response(to error: HTTPRequestError, in request: HTTPRequest?) -> HTTPResponse {
        guard let request else { return error.response }
        // Who has no key is told so, and counted, whatever the size of what comes with the request.
        if case .bodyTooLarge = error,
            let route = routes(at: request.path).first(where: { $0.method == request.method }),
            let refusal = refusal(request, route)
        {
            var answer = HTTPResponse.empty(500)
            finishing(request) { answer = $0 }(refusal)
            return answer
        }
        let plain = error.response
        let sentence = SessionRequest.trimmed(String(decoding: plain.body, as: UTF8.self))
        let style = routes(at: request.path).first?.errors ?? .session
        var answer = HTTPResponse.empty(plain.status)
        finishing(request) { answer = $0 }(style.response(plain.status, sentence))
        return answer
    }

    /// The operations of a path.
    private func routes(at path: String) -> [HTTPRoute] {
        if let exact = routes[path] { return exact }
        let parts = Self.parts(of: path[...])
        let pattern = patterns.first { pattern in
            pattern.parts.count == parts.count
                && zip(pattern.parts, parts).allSatisfy { $0 == $1 || $0.first == "{" && !$1.isEmpty }
        }
        return pattern.flatMap { routes[$0.path] } ?? []
    }

    private static func parts(of path: Substring) -> [Substring] {
        path.split(separator: "/", maxSplits: 8, omittingEmptySubsequences: false)
    }

    private func refusal(_ request: HTTPRequest, _ route: HTTPRoute) -> HTTPResponse? {
        let refusal: RequestRefusal? =
            switch route.access {
            case .everybody: nil
            case .callers: around.refusal(request, false)
            case .programs: around.refusal(request, true)
            case .operator: around.operatorRefusal(request)
            }
        return refusal.map { Self.response(to: $0, route) }
    }

    // MARK: Without a route

    private func withoutRoute(_ request: HTTPRequest, _ routes: [HTTPRoute]) -> HTTPResponse {
        // The server itself, not one of its paths (RFC 9110 section 9.3.7).
        if request.method == .options, request.path == "*" { return .empty(204) }
        let path = Self.path(of: request)
        let methods = methods(of: request.path)
        guard !methods.isEmpty else { return ErrorStyle.notFound(path: path) }
        var response: HTTPResponse
        if request.method == .options {
            response = .empty(204)
        } else if routes.isEmpty, request.method == .get || request.method == .head {
            response = .json(
                426, ["error": "This is a WebSocket: ask for an upgrade", "path": .string(path)])
            response.headers.set("Upgrade", "websocket")
        } else {
            response = (routes.first?.errors ?? .session).methodNotAllowed(path: path)
        }
        response.headers.set("Allow", methods.joined(separator: ", "))
        return response
    }

    /// The methods that a path has; none for an unknown one.
    private func methods(of path: String) -> [String] {
        var methods = routes(at: path).map(\.method.rawValue)
        if methods.isEmpty, webSocketPaths.contains(path) { methods = ["GET"] }
        guard !methods.isEmpty else { return [] }
        if methods.contains("GET") { methods.append("HEAD") }
        return methods + ["OPTIONS"]
    }

    /// The path as it was asked for.
    private static func path(of request: HTTPRequest) -> String {
        String(request.target.prefix { $0 != "?" })
    }

    private static func response(to refusal: RequestRefusal, _ route: HTTPRoute) -> HTTPResponse {
        var response = route.errors.refusal(refusal.reason)
        if let seconds = refusal.retryAfterSeconds { response.headers.set("Retry-After", "\(seconds)") }
        // RFC 9110 section 15.5.2 wants a scheme to be named.
        if response.status == 401 {
            response.headers.set("WWW-Authenticate", route.access == .operator ? "Bearer" : "ApiKey")
        }
        return response
    }

    // MARK: With each answer

    private func finishing(
        _ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void
    ) -> (HTTPResponse) -> Void {
        let start = around.now()
        var random = SecureRandom()
        let id = RequestIdentifier.of(request, header: crossOrigin.requestIDHeader, random: &random)
        let isPrivate = request.path == GeneralRoutes.metricsPath
        let routes = routes(at: request.path)
        let isGuarded = routes.contains { $0.access != .everybody }
        let isKnown = webSocketPaths.contains(request.path)
        let shownPath = routes.first?.path ?? (isKnown ? request.path : PathRedaction.shown(request.path))
        return { [crossOrigin, around] response in
            var response = response
            if !isPrivate { crossOrigin.apply(to: &response, for: request) }
            response.headers.set(crossOrigin.requestIDHeader, id)
            response.headers.set("Cache-Control", "no-store")
            response.headers.set("X-Content-Type-Options", "nosniff")
            let fields: Log.Fields = [
                "method": request.method.rawValue, "path": shownPath,
                "status": response.status, "ms": (around.now() - start).milliseconds, "request_id": id,
                "client": around.clientAddress(request),
            ]
            if response.status >= 500 {
                around.log.warning("http request", fields)
            } else if isGuarded, request.method != .options {
                around.log.info("http request", fields)
            } else {
                around.log.debug("http request", fields)
            }
            completion(response)
        }
    }
}
