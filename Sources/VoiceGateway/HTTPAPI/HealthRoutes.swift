internal import HTTP
internal import Observability
internal import Wire

/// `/health`, and what orchestrators ask: whether the process lives, and whether clients can be sent to it.
struct HealthRoutes {
    /// Since the process serves.
    let uptime: () -> Duration
    /// Seconds and nanoseconds since 1970.
    let wallClock: () -> (seconds: Int, nanoseconds: Int)
    /// Whether the gateway lets nobody in any more.
    let isDraining: () -> Bool
    /// How many calls there are.
    let calls: () -> Int
    let probe: RoomServerProbe

    var routes: [HTTPRoute] {
        [
            HTTPRoute(.get, "/health", errors: .session, Self.healthDocumentation, answer: health),
            HTTPRoute(.get, "/health/live", errors: .service, Self.liveDocumentation) { _ in
                .json(200, ["status": "alive"])
            },
            HTTPRoute(.get, "/health/ready", errors: .service, Self.readyDocumentation, handler: ready),
        ]
    }

    private func health(_ request: HTTPRequest) -> HTTPResponse {
        let now = wallClock()
        return .json(
            200,
            [
                "status": "ok",
                "timestamp": .string(Log.timestamp(seconds: now.seconds, nanoseconds: now.nanoseconds)),
                "uptime": .integer(uptime().components.seconds), "calls": .integer(Int64(calls())),
                "draining": .bool(isDraining()),
            ])
    }

    private func ready(_ request: HTTPRequest, _ completion: @escaping (HTTPResponse) -> Void) {
        probe.ask { [isDraining] fault in
            var missing: [JSONValue] = []
            if isDraining() { missing.append("the gateway is shutting down") }
            if let fault { missing.append(.string("the room server: \(fault.summary)")) }
            completion(
                .json(
                    missing.isEmpty ? 200 : 503,
                    ["status": missing.isEmpty ? "ready" : "not ready", "missing": .array(missing)]))
        }
    }

    // MARK: Description

    /// The schemas that the routes refer to.
    static let schemas: JSONObject = [
        "Health": [
            "type": "object", "required": ["status", "timestamp", "uptime", "calls", "draining"],
            "additionalProperties": false,
            "properties": [
                "status": ["type": "string", "const": "ok"],
                "timestamp": ["type": "string", "format": "date-time"],
                "uptime": ["type": "integer", "format": "int64", "minimum": 0, "description": "Seconds."],
                "calls": [
                    "type": "integer", "minimum": 0,
                    "description": "Connected clients, and sessions that wait for theirs.",
                ],
                "draining": [
                    "type": "boolean", "description": "The gateway goes: calls go on, new ones are refused.",
                ],
            ],
        ],
        "Liveness": status("alive"), "Readiness": status("ready", "missing"),
        "Unreadiness": status("not ready", "missing"),
    ]

    private static let healthDocumentation = OperationDocumentation(
        id: "health", group: "Operation", summary: "The gateway answers",
        answers: [
            .init(
                status: 200, text: "Always", schema: ErrorStyle.reference("Health"))
        ])

    private static let liveDocumentation = OperationDocumentation(
        id: "live", group: "Operation", summary: "The process lives: restart it when this is not answered",
        answers: [.init(status: 200, text: "Always", schema: ErrorStyle.reference("Liveness"))])

    private static let readyDocumentation = OperationDocumentation(
        id: "ready", group: "Operation", summary: "Whether clients can be sent here",
        text: "The room server has accepted our keys within the last seconds, and the gateway is not shutting down.",
        answers: [
            .init(status: 200, text: "Yes", schema: ErrorStyle.reference("Readiness")),
            .init(status: 503, text: "No; `missing` says why", schema: ErrorStyle.reference("Unreadiness")),
        ])

    private static func status(_ word: String, _ list: String? = nil) -> JSONValue {
        var properties: JSONObject = ["status": ["type": "string", "const": .string(word)]]
        if let list { properties[list] = ["type": "array", "items": ["type": "string"]] }
        return [
            "type": "object", "required": .array(properties.members.map { .string($0.key) }),
            "additionalProperties": false, "properties": .object(properties),
        ]
    }
}

/// Finds out whether the room server is there, at most once every few seconds however often it is asked for.
///
/// Belongs to the loop's thread.
final class RoomServerProbe {
    /// How long a good answer holds.
    static let freshness: Duration = .seconds(5)
    /// How long a bad one holds.
    static let staleness: Duration = .seconds(1)

    private let rooms: any RoomServerAccess
    private let now: () -> Instant
    private var last: (fault: RoomServerFault?, at: Instant)?
    private var waiting: [(RoomServerFault?) -> Void] = []

    init(rooms: any RoomServerAccess, now: @escaping () -> Instant) {
        self.rooms = rooms
        self.now = now
    }

    /// - Parameter completion: nil when the server has answered lately.
    func ask(completion: @escaping (RoomServerFault?) -> Void) {
        if let last, now() - last.at < (last.fault == nil ? Self.freshness : Self.staleness) {
            return completion(last.fault)
        }
        waiting.append(completion)
        guard waiting.count == 1 else { return }
        rooms.check { [self] fault in
            last = (fault, now())
            let waiting = waiting
            self.waiting = []
            for completion in waiting { completion(fault) }
        }
    }
}
