internal import Bridge
internal import ClientProtocol
internal import Observability
internal import SecureTransport
internal import Wire

/// What backends are told about a call, in a form that LiveKit's own receivers of webhooks read: `event`, `id`, `createdAt`,
/// `room` and `participant` are theirs, `call` is ours.
struct CallEvent: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        /// The caller is in its room.
        case started = "call.started"
        /// The call is over, as calls are.
        case ended = "call.ended"
        /// The call has never come about, or was ended by what somebody has to mend.
        case failed = "call.failed"
    }

    let kind: Kind
    let session: String
    /// Seconds since 1970.
    let createdAt: Int64
    let body: [UInt8]

    /// - Parameter call: the members of `call`.
    init(_ kind: Kind, _ summary: SessionSummary, _ call: JSONObject, createdAt: Int64) {
        var random = SecureRandom()
        self.kind = kind
        session = summary.id
        self.createdAt = createdAt
        let json: JSONValue = [
            "event": .string(kind.rawValue), "id": .string("EV_" + RandomName.hexadecimal(16, using: &random)),
            "createdAt": .integer(createdAt), "room": ["name": .string(summary.room)],
            "participant": ["identity": .string(summary.identity)], "call": .object(call),
        ]
        body = json.serializedBytes()
    }

    /// What the end of a call is: a call that has never reached its room has failed, whoever is to blame, and so has one
    /// that ended by a fault which is not its client's.
    static func kind(of record: SessionRecord) -> Kind {
        guard record.numbers.joinedAfter != nil else { return .failed }
        return switch record.end.blame {
        case .room, .operator, .gateway: .failed
        case .client, nil: .ended
        }
    }
}

extension JSONObject {
    /// The fields of a line of the log, with null for times that never came.
    init(_ fields: Log.Fields, neverAsNull times: Set<String>) {
        self.init()
        for (key, value) in fields {
            let key = key.description
            let json: JSONValue =
                switch value {
                case let number as Int: times.contains(key) && number < 0 ? .null : .integer(Int64(number))
                case let truth as Bool: .bool(truth)
                default: .string(value.description)
                }
            append(key, json)
        }
    }
}
