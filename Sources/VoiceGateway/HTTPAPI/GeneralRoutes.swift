internal import HTTP
internal import Observability
internal import Wire

/// `/`, `/metrics` and the description of everything.
struct GeneralRoutes {
    let metrics: Metrics
    /// Metrics of the process, which are made when somebody asks.
    let processMetrics: () -> String
    /// Looks up the routes when they are all there.
    let index: () -> JSONValue
    let description: () -> String
    /// Whether browsers get a page at `/`.
    let hasPlayground: Bool

    var routes: [HTTPRoute] {
        [
            HTTPRoute(.get, "/", errors: .session, indexDocumentation) { request in
                guard hasPlayground else { return .json(200, index()) }
                var response =
                    BrowserRoutes.wantsPage(request) ? BrowserRoutes.playground : .json(200, index())
                response.headers.add("Vary", "Accept")
                return response
            },
            HTTPRoute(.get, "/openapi.json", errors: .session, Self.descriptionDocumentation) { _ in
                .json(200, description())
            },
            HTTPRoute(.get, Self.metricsPath, errors: .session, Self.metricsDocumentation) { _ in
                HTTPResponse(
                    status: 200, headers: HTTPHeaders([("Content-Type", Self.metricsType)]),
                    body: Array((metrics.snapshot() + processMetrics()).utf8))
            },
        ]
    }

    static let metricsPath = "/metrics"
    private static let metricsType = "text/plain; version=0.0.4; charset=utf-8"

    /// The schemas that the routes refer to.
    static let schemas: JSONObject = [
        "ServiceIndex": [
            "type": "object", "required": ["name", "version", "endpoints"],
            "properties": [
                "name": ["type": "string"], "version": ["type": "string"],
                "endpoints": [
                    "type": "object",
                    "additionalProperties": ["type": "string", "pattern": "^(GET|POST|WebSocket) /"],
                ],
            ],
        ],
        "OpenAPIDescription": [
            "type": "object", "required": ["openapi", "info", "paths"],
            "properties": ["openapi": ["type": "string"]],
        ],
    ]

    private var indexDocumentation: OperationDocumentation {
        OperationDocumentation(
            id: "index", group: "Operation", summary: "What there is",
            text: "Browsers get a page to talk from, if the operator allows it.",
            answers: [
                .init(
                    status: 200, text: "Name, version and endpoints", schema: ErrorStyle.reference("ServiceIndex"),
                    otherTypes: hasPlayground ? [BrowserRoutes.pageType] : [])
            ])
    }

    private static let descriptionDocumentation = OperationDocumentation(
        id: "openapi", group: "Operation", summary: "This description",
        answers: [
            .init(
                status: 200, text: "OpenAPI 3.1", schema: ErrorStyle.reference("OpenAPIDescription"))
        ])

    private static let metricsDocumentation = OperationDocumentation(
        id: "metrics", group: "Operation", summary: "Counters for Prometheus",
        text: "No page of another origin may read it.",
        answers: [
            .init(
                status: 200, text: "Prometheus's text format", contentType: metricsType, schema: ["type": "string"])
        ])
}
