internal import Wire

/// What a gateway answers an operator: how it is, and what was asked for.
struct GatewayAnswer: Hashable, Sendable {
    /// A process, as operators tell it from others.
    struct Gateway: Hashable, Sendable {
        /// As in the log, and in the call's `gateway`.
        var id: String
        /// The machine's name.
        var host: String
        var pid: Int
        var version: String
        /// Since it began to serve.
        var seconds: Int
        /// Connected clients, and sessions that wait for theirs.
        var calls: Int
        var isDraining: Bool
    }

    var gateway: Gateway
    /// JSON as the admin API shows it, in the order of `number`.
    var calls: [JSONValue] = []
    /// Whether what was asked could be done: the call is there, the gateway is not on its way out.
    var isDone = true

    init(_ gateway: Gateway) { self.gateway = gateway }
}

// MARK: As it travels

extension GatewayAnswer {
    /// Nil for what no gateway answers.
    init?(_ json: JSONValue) {
        guard let gateway = json["gateway"].flatMap(Gateway.init), let isDone = json["done"]?.bool,
            let calls = json["calls"]?.array
        else { return nil }
        self.gateway = gateway
        self.isDone = isDone
        self.calls = calls.filter { $0["number"]?.integer != nil }
    }

    var json: JSONValue { ["gateway": gateway.json, "done": .bool(isDone), "calls": .array(calls)] }
}

extension GatewayAnswer.Gateway {
    init?(_ json: JSONValue) {
        func number(_ name: String) -> Int { json[name]?.integer.map { Int(clamping: $0) } ?? 0 }
        guard let id = json["id"]?.string, let isDraining = json["draining"]?.bool else { return nil }
        self.init(
            id: id, host: json["host"]?.string ?? "", pid: number("pid"), version: json["version"]?.string ?? "",
            seconds: number("seconds"), calls: number("calls"), isDraining: isDraining)
    }

    var json: JSONValue {
        [
            "id": .string(id), "host": .string(host), "pid": .integer(Int64(pid)), "version": .string(version),
            "seconds": .integer(Int64(seconds)), "calls": .integer(Int64(calls)), "draining": .bool(isDraining),
        ]
    }
}
