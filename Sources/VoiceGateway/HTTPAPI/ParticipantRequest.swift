internal import HTTP
internal import Wire

/// The body of `POST /v1/livekit/token` and `…/agent-token`, checked as Pydantic checks it.
struct ParticipantRequest: Hashable {
    /// Characters of each member.
    static let lengths = 1...128
    /// The members; all may be left out, or be null.
    static let members = ["room_name", "participant_name", "participant_identity"]

    /// One thing that is wrong.
    struct Mistake: Hashable {
        enum Place: Hashable {
            case body
            /// A byte of it.
            case byte(Int)
            case member(String)
        }

        let place: Place
        let message: String
        let type: String
        var context: JSONObject = [:]

        var json: JSONValue {
            let location: [JSONValue] =
                switch place {
                case .body: ["body"]
                case .byte(let offset): ["body", .integer(Int64(offset))]
                case .member(let name): ["body", .string(name)]
                }
            var object: JSONObject = ["loc": .array(location), "msg": .string(message), "type": .string(type)]
            if !context.isEmpty { object["ctx"] = .object(context) }
            return .object(object)
        }
    }

    /// Everything that is wrong, at once.
    struct Mistakes: Error, Hashable {
        let status: Int
        let mistakes: [Mistake]

        var response: HTTPResponse { .json(status, ["detail": .array(mistakes.map(\.json))]) }
    }

    var roomName: String?
    var participantName: String?
    var participantIdentity: String?

    init(_ request: HTTPRequest) throws(Mistakes) {
        let body: JSONValue
        do throws(JSONBody.Failure) {
            body = try JSONBody.value(of: request) ?? .null
        } catch {
            switch error {
            case .wrongType:
                throw Mistakes(
                    status: 415,
                    mistakes: [
                        Mistake(
                            place: .body, message: "Content-Type must be application/json", type: "content_type")
                    ])
            case .malformed(let error):
                throw Mistakes(
                    status: 422,
                    mistakes: [
                        Mistake(
                            place: .byte(error.offset), message: "JSON decode error", type: "json_invalid",
                            context: ["error": .string("\(error)")])
                    ])
            }
        }
        if body.isNull { return }
        guard body.object != nil else {
            throw Mistakes(
                status: 422,
                mistakes: [
                    Mistake(
                        place: .body, message: "Input should be a valid dictionary or object to extract fields from",
                        type: "model_attributes_type")
                ])
        }
        var mistakes: [Mistake] = []
        let values = Self.members.map { Self.text($0, body[$0], &mistakes) }
        guard mistakes.isEmpty else { throw Mistakes(status: 422, mistakes: mistakes) }
        (roomName, participantName, participantIdentity) = (values[0], values[1], values[2])
    }

    private static func text(_ name: String, _ value: JSONValue?, _ mistakes: inout [Mistake]) -> String? {
        guard let value, !value.isNull else { return nil }
        let place = Mistake.Place.member(name)
        guard let text = value.string else {
            mistakes.append(Mistake(place: place, message: "Input should be a valid string", type: "string_type"))
            return nil
        }
        let length = text.unicodeScalars.count
        if length < lengths.lowerBound {
            mistakes.append(
                Mistake(
                    place: place, message: "String should have at least \(lengths.lowerBound) character",
                    type: "string_too_short", context: ["min_length": .integer(Int64(lengths.lowerBound))]))
        } else if length > lengths.upperBound {
            mistakes.append(
                Mistake(
                    place: place, message: "String should have at most \(lengths.upperBound) characters",
                    type: "string_too_long", context: ["max_length": .integer(Int64(lengths.upperBound))]))
        }
        return text
    }

    // MARK: Description

    static let example: JSONValue = [
        "room_name": "gemma-voice-room", "participant_name": "Alice", "participant_identity": "alice",
    ]

    /// JSON Schema of what is accepted.
    static var schema: JSONValue {
        var properties = JSONObject()
        for name in members {
            properties[name] = [
                "type": ["string", "null"], "minLength": .integer(Int64(lengths.lowerBound)),
                "maxLength": .integer(Int64(lengths.upperBound)),
            ]
        }
        return ["type": "object", "properties": .object(properties)]
    }
}
