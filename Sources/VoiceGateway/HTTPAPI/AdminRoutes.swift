internal import HTTP
internal import Wire

/// `/admin/…`: what the operator sees of the calls, and does to them and to the process. Behind the operator's own key.
struct AdminRoutes {
    static let prefix = "/admin"
    /// Calls of one answer: as many as are asked for, up to the maximum.
    static let standardLimit = 100
    static let maximumLimit = 1000
    /// The largest number of a call: one that every reader of JSON keeps as it is.
    static let maximumNumber = 9_007_199_254_740_991
    /// Characters of a text for an agent.
    static let maximumTextLength = 2000

    let operations: any GatewayOperations

    var routes: [HTTPRoute] {
        [
            Self.route(.get, "/calls", AdminDocumentation.list, handler: list),
            Self.route(.get, "/calls/{id}", AdminDocumentation.show, handler: show),
            Self.route(.delete, "/calls/{id}", AdminDocumentation.end) { perform(.end, $0, $1) },
            Self.route(.post, "/calls/{id}/text", AdminDocumentation.text, handler: text),
            Self.route(.post, "/calls/{id}/interrupt", AdminDocumentation.interrupt) { perform(.interrupt, $0, $1) },
        ]
    }

    static func route(
        _ method: HTTPMethod, _ path: String, _ documentation: OperationDocumentation,
        handler: @escaping HTTPRoute.Handler
    ) -> HTTPRoute {
        HTTPRoute(method, prefix + path, errors: .session, access: .operator, documentation, handler: handler)
    }

    static func error(_ status: Int, _ sentence: String) -> HTTPResponse {
        ErrorStyle.session.response(status, sentence)
    }

    // MARK: Calls

    private func list(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        var filter = CallFilter()
        var whom = Addressee.all
        var limit = Self.standardLimit
        var after = 0
        for item in request.query.items {
            let (name, value) = (item.name, item.value)
            switch name {
            case "room": filter.room = value
            case "identity": filter.identity = value
            case "agent": filter.agent = value
            case "gateway": whom = .gateway(value)
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
                        400,
                        "There is no parameter of that name; there are room, identity, agent, gateway, limit and after"
                    ))
            }
        }
        // One more tells whether there are more.
        operations.ask(.calls(after: after, limit: limit + 1, filter), of: whom) { [operations] answers in
            completion(.json(200, Self.page(answers, limit: limit, hasFleet: operations.hasFleet)))
        }
    }

    private static func page(_ answers: OperatorAnswers, limit: Int, hasFleet: Bool) -> JSONValue {
        let calls = answers.answers.flatMap { answer in answer.calls.map { (number: number(of: $0), call: $0) } }
            .sorted { $0.number < $1.number }
        var count = min(limit, calls.count)
        // Calls at two gateways may have the same number; the next page begins behind both.
        while count > 0, count < calls.count, calls[count].number == calls[count - 1].number { count += 1 }
        let next: JSONValue = count < calls.count ? .integer(calls[count - 1].number) : .null
        return [
            "calls": .array(calls.prefix(count).map(\.call)), "next": next,
            "total": .integer(Int64(answers.answers.reduce(0) { $0 + $1.gateway.calls })),
            "draining": .bool(answers.answers.first?.gateway.isDraining ?? false),
            "scope": scope(answers, hasFleet: hasFleet), "silent": .array(answers.silent.map { .string($0) }),
        ]
    }

    /// Whether others were asked, too.
    static func scope(_ answers: OperatorAnswers, hasFleet: Bool) -> JSONValue {
        .string(hasFleet && answers.isWhole ? "fleet" : "process")
    }

    private static func number(of call: JSONValue) -> Int64 { call["number"]?.integer ?? 0 }

    private static func number(_ text: String) -> Int? {
        guard (1...16).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text).flatMap { $0 <= maximumNumber ? $0 : nil }
    }

    private func show(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        operations.ask(.calls(after: 0, limit: 1, CallFilter(id: Self.id(of: request))), of: .all) { answers in
            let call = answers.answers.lazy.compactMap(\.calls.first).first
            completion(call.map { .json(200, $0) } ?? Self.unknown(answers))
        }
    }

    private func perform(
        _ command: OperatorCommand, _ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void
    ) {
        operations.ask(.perform(command, id: Self.id(of: request)), of: .all) { answers in
            let isDone = answers.answers.contains(where: \.isDone)
            completion(isDone ? .empty(204) : Self.unknown(answers))
        }
    }

    private func text(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        Self.withMember("text", of: request, completion) { text in
            guard (1...Self.maximumTextLength).contains(text.unicodeScalars.count) else {
                return completion(Self.error(400, "text must have 1 to \(Self.maximumTextLength) characters"))
            }
            perform(.text(text), request, completion)
        }
    }

    /// A gateway that does not answer may have the call.
    private static func unknown(_ answers: OperatorAnswers) -> HTTPResponse {
        answers.isComplete
            ? error(404, "There is no such call")
            : error(503, "There is no such call at this gateway, and not all others answer; try again in a while")
    }

    /// The path is `/admin/calls/{id}…` or `/admin/gateways/{id}…`, or the route would not have been found.
    static func id(of request: HTTPRequest) -> String {
        let parts = request.path.split(separator: "/")
        return parts.count > 2 ? String(parts[2]) : ""
    }

    /// Goes on with a text of the request's body, or answers what is wrong with it.
    static func withMember(
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
