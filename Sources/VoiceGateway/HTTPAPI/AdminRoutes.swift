internal import HTTP
internal import Observability
internal import Wire

/// `/admin/…`: what the operator sees of the calls, and does to them and to the process. Behind the operator's own key.
struct AdminRoutes {
    static let prefix = "/admin"
    /// Calls of one answer: as many as are asked for, up to the maximum.
    static let standardLimit = 100
    static let maximumLimit = 1000
    /// Characters of a text for an agent.
    static let maximumTextLength = 2000

    let operations: any GatewayOperations

    var routes: [HTTPRoute] {
        [
            route(.get, "/calls", AdminDocumentation.list, handler: list),
            route(.get, "/calls/{id}", AdminDocumentation.show, handler: show),
            route(.delete, "/calls/{id}", AdminDocumentation.end) { perform(.end, $0, $1) },
            route(.post, "/calls/{id}/text", AdminDocumentation.text, handler: text),
            route(.post, "/calls/{id}/interrupt", AdminDocumentation.interrupt) { perform(.interrupt, $0, $1) },
            route(.get, "/log-level", AdminDocumentation.logLevel) { $1(level()) },
            route(.put, "/log-level", AdminDocumentation.setLogLevel, handler: setLevel),
            route(.post, "/drain", AdminDocumentation.drain) { _, completion in
                operations.drain()
                completion(state())
            },
            route(.post, "/undrain", AdminDocumentation.undrain) { _, completion in
                completion(
                    operations.undrain()
                        ? state() : Self.error(409, "The process has been told to go, and is on its way"))
            },
        ]
    }

    private func route(
        _ method: HTTPMethod, _ path: String, _ documentation: OperationDocumentation,
        handler: @escaping HTTPRoute.Handler
    ) -> HTTPRoute {
        HTTPRoute(method, Self.prefix + path, errors: .session, access: .operator, documentation, handler: handler)
    }

    private static func error(_ status: Int, _ sentence: String) -> HTTPResponse {
        ErrorStyle.session.response(status, sentence)
    }

    // MARK: Calls

    private func list(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        var filter = CallFilter()
        var limit = Self.standardLimit
        var after = 0
        for item in request.query.items {
            let (name, value) = (item.name, item.value)
            switch name {
            case "room": filter.room = value
            case "identity": filter.identity = value
            case "agent": filter.agent = value
            case "limit":
                guard let number = Self.number(value), (1...Self.maximumLimit).contains(number) else {
                    return completion(Self.error(400, "limit must be a number from 1 to \(Self.maximumLimit)"))
                }
                limit = number
            case "after":
                guard let number = Self.number(value) else {
                    return completion(Self.error(400, "after must be the next of an earlier answer"))
                }
                after = number
            default:
                return completion(
                    Self.error(
                        400, "There is no parameter of that name; there are room, identity, agent, limit and after"))
            }
        }
        // One more tells whether there are more.
        operations.calls(after: after, limit: limit + 1, filter) { [operations] calls in
            let page = calls.prefix(limit)
            let next: JSONValue = calls.count > limit ? (page.last.map { .integer(Int64($0.number)) } ?? .null) : .null
            completion(
                .json(
                    200,
                    [
                        "calls": .array(page.map(\.json)), "next": next,
                        "total": .integer(Int64(operations.callCount)), "draining": .bool(operations.isDraining),
                    ]))
        }
    }

    private static func number(_ text: String) -> Int? {
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    private func show(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        operations.calls(after: 0, limit: 1, CallFilter(id: Self.id(of: request))) { calls in
            completion(calls.first.map { .json(200, $0.json) } ?? Self.unknown)
        }
    }

    private func perform(
        _ command: OperatorCommand, _ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void
    ) {
        operations.perform(command, on: Self.id(of: request)) { completion($0 ? .empty(204) : Self.unknown) }
    }

    private func text(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        Self.withMember("text", of: request, completion) { text in
            guard (1...Self.maximumTextLength).contains(text.unicodeScalars.count) else {
                return completion(Self.error(400, "text must have 1 to \(Self.maximumTextLength) characters"))
            }
            perform(.text(text), request, completion)
        }
    }

    private static let unknown = error(404, "There is no such call")

    /// The path is `/admin/calls/{id}…`, or the route would not have been found.
    private static func id(of request: HTTPRequest) -> String {
        let parts = request.path.split(separator: "/")
        return parts.count > 2 ? String(parts[2]) : ""
    }

    // MARK: The process

    private func level() -> HTTPResponse { .json(200, ["level": .string(operations.logLevel.rawValue)]) }

    private func setLevel(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        Self.withMember("level", of: request, completion) { text in
            guard let level = LogLevel(rawValue: text) else {
                let levels = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
                return completion(Self.error(400, "level must be one of \(levels)"))
            }
            operations.logLevel = level
            completion(self.level())
        }
    }

    private func state() -> HTTPResponse {
        .json(200, ["draining": .bool(operations.isDraining), "calls": .integer(Int64(operations.callCount))])
    }

    /// Goes on with a text of the request's body, or answers what is wrong with it.
    private static func withMember(
        _ name: String, of request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void,
        then proceed: (String) -> Void
    ) {
        do throws(JSONBody.Failure) {
            guard let text = try JSONBody.value(of: request)?[name]?.string else {
                return completion(error(400, "\(name) is required and must be a string"))
            }
            proceed(text)
        } catch {
            switch error {
            case .wrongType: completion(Self.error(415, "Content-Type must be application/json"))
            case .malformed(let error):
                completion(Self.error(400, "The request body is not valid JSON: \(error)"))
            }
        }
    }
}
