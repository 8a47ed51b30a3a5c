internal import HTTP
internal import Observability
internal import Wire

/// `/admin/…`: what the operator sees of gateways, and does to them. Behind the operator's own key.
struct AdminGatewayRoutes {
    let operations: any GatewayOperations

    var routes: [HTTPRoute] {
        [
            AdminRoutes.route(.get, "/log-level", AdminDocumentation.logLevel) { $1(level()) },
            AdminRoutes.route(.put, "/log-level", AdminDocumentation.setLogLevel, handler: setLevel),
            AdminRoutes.route(.post, "/drain", AdminDocumentation.drain) { change(.drain, of: .here, $1) },
            AdminRoutes.route(.post, "/undrain", AdminDocumentation.undrain) { change(.undrain, of: .here, $1) },
            AdminRoutes.route(.get, "/gateways", AdminDocumentation.gateways) { list($1) },
            AdminRoutes.route(.post, "/gateways/{id}/drain", AdminDocumentation.drainGateway) {
                change(.drain, of: .gateway(AdminRoutes.id(of: $0)), $1)
            },
            AdminRoutes.route(.post, "/gateways/{id}/undrain", AdminDocumentation.undrainGateway) {
                change(.undrain, of: .gateway(AdminRoutes.id(of: $0)), $1)
            },
        ]
    }

    // MARK: The log

    private func level() -> HTTPResponse { .json(200, ["level": .string(operations.logLevel.rawValue)]) }

    private func setLevel(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        AdminRoutes.withMember("level", of: request, completion) { text in
            guard let level = LogLevel(rawValue: text) else {
                let levels = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
                return completion(AdminRoutes.error(400, "level must be one of \(levels)"))
            }
            operations.logLevel = level
            completion(self.level())
        }
    }

    // MARK: Gateways

    private func list(_ completion: @escaping (HTTPResponse) -> Void) {
        operations.ask(.state, of: .all) { [operations] answers in
            completion(
                .json(
                    200,
                    [
                        "gateways": .array(answers.answers.map(\.gateway.json)),
                        "scope": AdminRoutes.scope(answers, hasFleet: operations.hasFleet),
                        "silent": .array(answers.silent.map { .string($0) }),
                    ]))
        }
    }

    private func change(
        _ question: OperatorQuestion, of whom: Addressee, _ completion: @escaping (HTTPResponse) -> Void
    ) {
        operations.ask(question, of: whom) { answers in
            guard let answer = answers.answers.first else {
                return completion(
                    answers.isComplete
                        ? AdminRoutes.error(404, "There is no such gateway")
                        : AdminRoutes.error(503, "The gateway does not answer; try again in a while"))
            }
            guard answer.isDone else {
                return completion(AdminRoutes.error(409, "The process has been told to go, and is on its way"))
            }
            completion(
                .json(
                    200,
                    [
                        "draining": .bool(answer.gateway.isDraining), "calls": .integer(Int64(answer.gateway.calls)),
                    ]))
        }
    }
}
