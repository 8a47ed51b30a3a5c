internal import ClientProtocol
internal import HTTP
internal import Wire

/// The description of the HTTP interface in OpenAPI 3.1, made from its routes and from what the operator has configured.
struct OpenAPIDocument {
    let routes: [HTTPRoute]
    let dialects: [DialectDescriptor]
    let configuration: GatewayConfiguration
    let version: String

    var json: JSONValue {
        var paths = JSONObject()
        for route in routes {
            var item = paths[route.path]?.object ?? [:]
            item[route.method.rawValue.lowercased()] = operation(route)
            paths[route.path] = .object(item)
        }
        var components: JSONObject = [
            "schemas": .object(JSONObject(members: schemas)),
            "headers": [
                "RequestID": [
                    "description":
                        "The request's own \(configuration.http.requestIDHeader), or a new one; it stands in the gateway's log.",
                    "schema": ["type": "string"],
                ]
            ],
        ]
        var security = JSONObject()
        if configuration.access.requiresKey {
            security["ApiKey"] = [
                "type": "apiKey", "in": "header", "name": .string(configuration.access.apiKeyHeaderName),
            ]
        }
        if hasOperator {
            security["AdminKey"] = [
                "type": "http", "scheme": "bearer", "description": "ADMIN_API_KEY of the settings.",
            ]
        }
        if !security.members.isEmpty { components["securitySchemes"] = .object(security) }
        return [
            "openapi": "3.1.0",
            "info": ["title": "VoiceGateway", "version": .string(version), "description": .string(text)],
            "paths": .object(paths), "components": .object(components),
        ]
    }

    private func has(_ path: String) -> Bool { routes.contains { $0.path == path } }

    private var hasOperator: Bool { routes.contains { $0.access == .operator } }

    private var servesClients: Bool { !dialects.isEmpty }

    /// Each body of a request or an answer has a name, which is that of a type in generated clients.
    private var schemas: [JSONObject.Member] {
        var members = ErrorStyle.schemas.members + GeneralRoutes.schemas.members + HealthRoutes.schemas.members
        if servesClients {
            members += SessionRoutes.schemas(configuration.access).members + TokenRoutes.schemas.members
        }
        if has(RealtimeRoutes.path) { members += RealtimeRoutes.schemas.members }
        if hasOperator { members += AdminDocumentation.schemas.members }
        if has(XiaozhiRoutes.path) { members += XiaozhiDocumentation.schemas.members }
        if has(PairingRoutes.prefix) { members += XiaozhiDocumentation.adminSchemas.members }
        return members
    }

    private var text: String {
        """
        Backends ask for sessions and tokens here; their clients then speak with the agent over a WebSocket, or join the \
        LiveKit room themselves.

        WebSockets, which OpenAPI cannot describe: \(webSockets). They take a LiveKit access token as `?access_token=`. \
        The request body of every operation may have \(GatewayLoop.maximumBodyBytes) bytes.
        """
    }

    private var webSockets: String {
        dialects.map { dialect in
            let paths = dialect.paths.map { "`\($0)`" }.joined(separator: ", ")
            return "\(paths) for \(dialect.documentation.clients) (\(dialect.documentation.sound))"
        }.joined(separator: "; ")
    }

    private func operation(_ route: HTTPRoute) -> JSONValue {
        let documentation = route.documentation
        var operation: JSONObject = [
            "operationId": .string(documentation.id), "tags": [.string(documentation.group)],
            "summary": .string(documentation.summary),
        ]
        if !documentation.text.isEmpty { operation["description"] = .string(documentation.text) }
        if !documentation.parameters.isEmpty {
            operation["parameters"] = .array(
                documentation.parameters.map { parameter in
                    [
                        "name": .string(parameter.name), "in": .string(parameter.place),
                        "required": .bool(parameter.place == "path"), "description": .string(parameter.text),
                        "schema": parameter.schema,
                    ]
                })
        }
        if let body = documentation.body {
            operation["requestBody"] = [
                "required": .bool(body.isRequired),
                "content": [body.contentType: ["schema": body.schema, "example": body.example]],
            ]
        }
        var responses = JSONObject()
        for answer in answers(of: route) { responses["\(answer.status)"] = response(answer) }
        operation["responses"] = .object(responses)
        switch route.access {
        case .callers where configuration.access.requiresKey, .programs where configuration.access.requiresKey:
            operation["security"] = [["ApiKey": []]]
        case .operator: operation["security"] = [["AdminKey": []]]
        default: break
        }
        return .object(operation)
    }

    /// What a route says itself, and what happens before it is asked.
    private func answers(of route: HTTPRoute) -> [OperationDocumentation.Answer] {
        var answers = route.documentation.answers
        func add(_ status: Int, _ text: String, schema: JSONValue? = nil, headers: [String] = []) {
            if let known = answers.first(where: { $0.status == status }) {
                answers.removeAll { $0.status == status }
                answers.append(
                    .init(
                        status: status, text: "\(known.text); or: \(text)", schema: known.schema, headers: headers))
            } else {
                answers.append(
                    .init(status: status, text: text, schema: schema ?? route.errors.schema, headers: headers))
            }
        }
        if route.documentation.body != nil {
            add(413, "The body is too large")
            add(
                415, "The body is something else than JSON",
                schema: route.errors == .service ? ErrorStyle.reference("ValidationError") : route.errors.schema)
        }
        if route.access == .operator || route.access != .everybody && configuration.access.requiresKey {
            add(401, "The API key is missing", headers: ["WWW-Authenticate"])
            add(403, "The API key is wrong")
        }
        if route.access != .everybody, configuration.rateLimit != nil {
            add(429, "Too many requests", headers: ["Retry-After"])
        }
        return answers.sorted { $0.status < $1.status }
    }

    private func response(_ answer: OperationDocumentation.Answer) -> JSONValue {
        var headers: JSONObject = [configuration.http.requestIDHeader: ["$ref": "#/components/headers/RequestID"]]
        for header in answer.headers {
            headers[header] = [
                "schema": header == "Retry-After" ? ["type": "integer", "minimum": 1] : ["type": "string"]
            ]
        }
        var response: JSONObject = ["description": .string(answer.text), "headers": .object(headers)]
        if let schema = answer.schema {
            var content: JSONObject = [answer.contentType: ["schema": schema]]
            for type in answer.otherTypes { content[type] = ["schema": ["type": "string"]] }
            response["content"] = .object(content)
        }
        return .object(response)
    }
}

extension OpenAPIDocument {
    /// The same in short, for people.
    var index: JSONValue {
        var endpoints = JSONObject()
        for route in routes { endpoints[route.documentation.id] = "\(route.method.rawValue) \(route.path)" }
        for dialect in dialects {
            if let path = dialect.paths.first { endpoints[dialect.name] = "WebSocket \(path)" }
        }
        return [
            "name": "VoiceGateway", "version": .string(version), "endpoints": .object(endpoints),
            "documentation": "/openapi.json",
        ]
    }
}
