internal import Observability
internal import Wire

/// What OpenAPI says about the operator's operations.
enum AdminDocumentation {
    private static let group = "Admin"
    private static let unknown = OperationDocumentation.Answer(
        status: 404, text: "There is no such call", schema: ErrorStyle.session.schema)
    private static let wrong = OperationDocumentation.Answer(
        status: 400, text: "The body or a parameter is not as it must be", schema: ErrorStyle.session.schema)
    private static let silent = OperationDocumentation.Answer(
        status: 503, text: "Not all gateways of the fleet answer", schema: ErrorStyle.session.schema)
    private static let isGoing = OperationDocumentation.Answer(
        status: 409, text: "The process has been told to go (SIGTERM)", schema: ErrorStyle.session.schema)
    private static let done = OperationDocumentation.Answer(status: 204, text: "Done", schema: nil)
    private static let id = OperationDocumentation.Parameter(
        name: "id", place: "path", text: "The session's id, as clients and the log have it.",
        schema: ["type": "string", "pattern": "^[^/]+$"])

    static let list = OperationDocumentation(
        id: "listCalls", group: group, summary: "The calls that are under way",
        text:
            """
            Of all gateways that share a Redis, in the order in which they began. `next` of an answer is `after` of the \
            next request; it is null at the end. `silent` names gateways that have not answered; `scope` is `process` \
            where no others were asked.
            """,
        parameters: [
            text("room", "Calls in this room."), text("identity", "Calls of this identity."),
            text("agent", "Calls for which this agent was asked."), text("gateway", "Calls at this gateway."),
            .init(
                name: "limit", place: "query",
                text: "How many calls; \(AdminRoutes.standardLimit) when it is left out.",
                schema: ["type": "integer", "minimum": 1, "maximum": .integer(Int64(AdminRoutes.maximumLimit))]),
            .init(
                name: "after", place: "query", text: "`next` of the answer before.",
                schema: [
                    "type": "integer", "format": "int64", "minimum": 0,
                    "maximum": .integer(Int64(AdminRoutes.maximumNumber)),
                ]),
        ],
        answers: [.init(status: 200, text: "Calls", schema: ErrorStyle.reference("CallList")), wrong])

    private static func text(_ name: String, _ text: String) -> OperationDocumentation.Parameter {
        .init(name: name, place: "query", text: text, schema: ["type": "string"])
    }

    static let show = OperationDocumentation(
        id: "getCall", group: group, summary: "One call", parameters: [id],
        answers: [.init(status: 200, text: "The call", schema: ErrorStyle.reference("Call")), unknown, silent])

    static let end = OperationDocumentation(
        id: "endCall", group: group, summary: "End a call",
        text: "The client is told `closing` with `removed` and closed with 4403; the agent's session ends.",
        parameters: [id], answers: [done, unknown, silent])

    static let text = OperationDocumentation(
        id: "sendTextToAgent", group: group, summary: "Tell a call's agent something",
        text: "The agent gets it as if the caller had written it.", parameters: [id],
        body: .init(
            schema: ErrorStyle.reference("SendTextRequest"), example: ["text": "Offer the caller a refund."],
            isRequired: true),
        answers: [done, wrong, unknown, silent])

    static let interrupt = OperationDocumentation(
        id: "interruptAgent", group: group, summary: "Make a call's agent stop speaking", parameters: [id],
        answers: [done, unknown, silent])

    static let logLevel = OperationDocumentation(
        id: "getLogLevel", group: group, summary: "What the log tells",
        answers: [.init(status: 200, text: "The level", schema: ErrorStyle.reference("LogLevel"))])

    static let setLogLevel = OperationDocumentation(
        id: "setLogLevel", group: group, summary: "Change what the log tells",
        text: "Until the settings are read again, or a restart.",
        body: .init(schema: ErrorStyle.reference("LogLevel"), example: ["level": "info"], isRequired: true),
        answers: [.init(status: 200, text: "The level", schema: ErrorStyle.reference("LogLevel")), wrong])

    static let drain = OperationDocumentation(
        id: "drain", group: group, summary: "Let no new call in",
        text: "Calls go on, `/health/ready` is 503, and the process stays.",
        answers: [.init(status: 200, text: "The state", schema: ErrorStyle.reference("DrainState"))])

    static let undrain = OperationDocumentation(
        id: "undrain", group: group, summary: "Let new calls in again",
        answers: [
            .init(status: 200, text: "The state", schema: ErrorStyle.reference("DrainState")), isGoing,
        ])

    static let gateways = OperationDocumentation(
        id: "listGateways", group: group, summary: "The gateways that share a Redis",
        text: "This one first. Without a Redis, or while it is away, this one alone: `scope` is `process`.",
        answers: [.init(status: 200, text: "Gateways", schema: ErrorStyle.reference("GatewayList"))])

    static let drainGateway = OperationDocumentation(
        id: "drainGateway", group: group, summary: "Let no new call in at a gateway",
        text: "Calls there go on, its `/health/ready` is 503, and the process stays.",
        parameters: [gateway],
        answers: [
            .init(status: 200, text: "Its state", schema: ErrorStyle.reference("DrainState")), unknownGateway, isGoing,
            silent,
        ])

    static let undrainGateway = OperationDocumentation(
        id: "undrainGateway", group: group, summary: "Let new calls in again at a gateway", parameters: [gateway],
        answers: [
            .init(status: 200, text: "Its state", schema: ErrorStyle.reference("DrainState")), unknownGateway, isGoing,
            silent,
        ])

    private static let gateway = OperationDocumentation.Parameter(
        name: "id", place: "path", text: "The gateway's id, as in `gateway` of its calls and in its log.",
        schema: ["type": "string", "pattern": "^[^/]+$"])
    private static let unknownGateway = OperationDocumentation.Answer(
        status: 404, text: "There is no such gateway", schema: ErrorStyle.session.schema)

    // MARK: Schemas

    static let schemas: JSONObject = [
        "SendTextRequest": object(
            "text", ["type": "string", "minLength": 1, "maxLength": .integer(Int64(AdminRoutes.maximumTextLength))]),
        "LogLevel": object("level", ErrorStyle.reference("LogLevelName")),
        "LogLevelName": ["type": "string", "enum": .array(LogLevel.allCases.map { .string($0.rawValue) })],
        "DrainState": [
            "type": "object", "required": ["draining", "calls"],
            "properties": ["draining": ["type": "boolean"], "calls": count],
        ],
        "CallList": [
            "type": "object", "required": ["calls", "next", "total", "draining", "scope", "silent"],
            "properties": [
                "calls": ["type": "array", "items": ErrorStyle.reference("Call")],
                "next": ["type": ["integer", "null"], "format": "int64"],
                "draining": ["type": "boolean", "description": "Whether this gateway, or the one that was asked, is."],
                "total": [
                    "type": "integer", "minimum": 0, "description": "All calls of the gateways that have answered.",
                ],
                "scope": scope, "silent": silentGateways,
            ],
        ],
        "GatewayList": [
            "type": "object", "required": ["gateways", "scope", "silent"],
            "properties": [
                "gateways": ["type": "array", "items": ErrorStyle.reference("Gateway")], "scope": scope,
                "silent": silentGateways,
            ],
        ],
        "Gateway": object([
            ("id", ["type": "string"]), ("host", ["type": "string"]), ("pid", count), ("version", ["type": "string"]),
            ("seconds", count), ("calls", count), ("draining", ["type": "boolean"]),
        ]),
        "Call": object(
            ["id", "room", "identity", "agent", "dialect", "trace_id", "address", "gateway"].map {
                ($0, ["type": "string"])
            } + [
                ("number", count), ("seconds", count),
                ("state", ErrorStyle.reference("CallState")),
                ("agents", ["type": "array", "items": ["type": "string"]]),
                ("agent_state", ["type": ["string", "null"]]),
                ("joined_ms", time), ("heard_ms", time), ("first_sound_ms", time),
            ] + ["replies", "interruptions", "resumes", "reconnects"].map { ($0, count) } + [
                ("up", ErrorStyle.reference("SoundUp")), ("down", ErrorStyle.reference("SoundDown")),
            ]),
        "CallState": ["type": "string", "enum": .array(CallSnapshot.states.map { .string($0) })],
        "SoundUp": object(
            [
                "packets", "sound_ms", "queued_ms", "longest_delay_ms", "dropped_ms", "skipped_ms", "lost_packets",
                "jitter_ms",
            ].map { ($0, count) }),
        "SoundDown": object(
            [
                "packets", "lost_packets", "jitter_ms", "concealed_ms", "recovered_ms", "messages", "dropped_messages",
            ].map { ($0, count) }),
    ]

    private static let count: JSONValue = ["type": "integer", "format": "int64", "minimum": 0]
    private static let scope: JSONValue = [
        "type": "string", "enum": ["process", "fleet"], "description": "Whether other gateways were asked, too.",
    ]
    private static let silentGateways: JSONValue = [
        "type": "array", "items": ["type": "string"], "description": "Ids of gateways that have not answered in time.",
    ]
    private static let time: JSONValue = [
        "type": ["integer", "null"], "format": "int64", "description": "Null: not yet.",
    ]

    private static func object(_ name: String, _ schema: JSONValue) -> JSONValue { object([(name, schema)]) }

    private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        [
            "type": "object", "required": .array(members.map { .string($0.0) }),
            "properties": .object(JSONObject(members: members.map { .init(key: $0.0, value: $0.1) })),
        ]
    }
}
