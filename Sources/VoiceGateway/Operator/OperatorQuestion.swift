internal import Wire

/// What an operator asks of a gateway, at the gateway itself or by another one of its fleet.
enum OperatorQuestion: Hashable, Sendable {
    /// Calls that fit, in the order in which they began.
    ///
    /// - Parameter after: the number of the last call that is known already; 0 for none.
    case calls(after: Int, limit: Int, CallFilter)
    case perform(OperatorCommand, id: String)
    case state
    /// Lets nobody in any more until `undrain`.
    case drain
    case undrain

    /// Whether one gateway is meant that nobody knows yet: the one that has the call.
    var isAboutOneCall: Bool {
        switch self {
        case .calls(_, _, let filter): filter.id != nil
        case .perform: true
        case .state, .drain, .undrain: false
        }
    }
}

// MARK: As it travels

extension OperatorQuestion {
    private enum Kind: String {
        case calls, end, text, interrupt, state, drain, undrain
    }

    /// Nil for a question of a gateway that is newer than we.
    init?(_ json: JSONValue) {
        guard let kind = json["ask"]?.string.flatMap(Kind.init) else { return nil }
        let id = json["id"]?.string
        switch (kind, id) {
        case (.calls, _):
            guard let after = json["after"]?.integer, after >= 0, let limit = json["limit"]?.integer,
                (1...Int64(AdminRoutes.maximumLimit + 1)).contains(limit)
            else { return nil }
            let filter = CallFilter(
                room: json["room"]?.string, identity: json["identity"]?.string, agent: json["agent"]?.string, id: id)
            self = .calls(after: Int(after), limit: Int(limit), filter)
        case (.end, let id?): self = .perform(.end, id: id)
        case (.interrupt, let id?): self = .perform(.interrupt, id: id)
        case (.text, let id?):
            guard let text = json["text"]?.string else { return nil }
            self = .perform(.text(text), id: id)
        case (.state, _): self = .state
        case (.drain, _): self = .drain
        case (.undrain, _): self = .undrain
        case (.end, nil), (.interrupt, nil), (.text, nil): return nil
        }
    }

    var json: JSONValue {
        switch self {
        case .calls(let after, let limit, let filter):
            var object: JSONObject = [
                "ask": Self.kind(.calls), "after": .integer(Int64(after)), "limit": .integer(Int64(limit)),
            ]
            let texts = [
                ("room", filter.room), ("identity", filter.identity), ("agent", filter.agent), ("id", filter.id),
            ]
            for case (let name, let text?) in texts { object.append(name, .string(text)) }
            return .object(object)
        case .perform(.end, let id): return ["ask": Self.kind(.end), "id": .string(id)]
        case .perform(.interrupt, let id): return ["ask": Self.kind(.interrupt), "id": .string(id)]
        case .perform(.text(let text), let id):
            return ["ask": Self.kind(.text), "id": .string(id), "text": .string(text)]
        case .state: return ["ask": Self.kind(.state)]
        case .drain: return ["ask": Self.kind(.drain)]
        case .undrain: return ["ask": Self.kind(.undrain)]
        }
    }

    private static func kind(_ kind: Kind) -> JSONValue { .string(kind.rawValue) }
}
