internal import ClientProtocol
internal import HTTP
internal import Wire

/// The body of `POST /session`, checked.
struct SessionRequest: Hashable {
    /// Characters of an identity or a room's name.
    static let maximumNameLength = 128
    /// Characters of what is told of the caller to those in the room.
    static let maximumMetadataLength = 1024
    /// Characters of an attribute's value. Agents read attributes; a token carries them.
    static let maximumValueLength = 128
    /// How long a token may be valid, in seconds.
    static let lifetimes: ClosedRange<Int64> = 10...86_400
    /// Tokens are used at once.
    static let standardLifetime: Int64 = 600
    /// What an agent is told when the caller does not say, in the order in which it is told.
    static let agentDefaults: [(name: String, value: String)] = [
        ("stt", "deepgram"), ("tts", "cartesia"), ("llm", "gpt-4o-mini"), ("prompt", "You are a helpful AI assistant."),
    ]

    /// What is wrong, in the sentence that the caller is told.
    struct Mistake: Error, Hashable {
        let status: Int
        let sentence: String
    }

    let userIdentity: String
    /// What people call the caller; empty when nobody says.
    let userName: String
    /// Nil: one is to be made up.
    let roomName: String?
    /// Nil: the operator's.
    let agentName: String?
    /// Of the caller's participant.
    let metadata: String
    let attributes: [String: String]
    /// Seconds.
    let lifetime: Int64
    /// With defaults filled in; what the gateway does not know stands as the caller wrote it.
    let agentConfig: JSONObject
    /// The trace to which the session shall belong; nil when nobody says.
    let trace: TraceContext?

    /// - Parameter hasStrictIdentities: letters, numbers, hyphens and underscores are all that an identity may have.
    init(_ request: HTTPRequest, hasStrictIdentities: Bool) throws(Mistake) {
        let body: JSONValue
        do throws(JSONBody.Failure) {
            body = try JSONBody.value(of: request) ?? [:]
        } catch {
            switch error {
            case .wrongType: throw Mistake(status: 415, sentence: "Content-Type must be application/json")
            case .malformed(let error):
                throw Mistake(status: 400, sentence: "The request body is not valid JSON: \(error)")
            }
        }
        guard let identity = body["userIdentity"]?.string else {
            throw Mistake(status: 400, sentence: "userIdentity is required and must be a string")
        }
        userIdentity = try Self.name(identity, "userIdentity", isStrict: hasStrictIdentities)
        userName = try Self.optionalName(body["userName"], "userName") ?? ""
        agentName = try Self.optionalName(body["agentName"], "agentName")
        metadata = try Self.metadata(body["metadata"])
        attributes = try Self.attributes(body["attributes"])
        lifetime = try Self.lifetime(body["ttl"])
        switch body["roomName"] {
        case nil, .null: roomName = nil
        case .string(let room): roomName = try Self.name(room, "roomName", isStrict: true)
        default: throw Mistake(status: 400, sentence: "roomName must be a string")
        }
        agentConfig = try Self.configuration(body["agentConfig"])
        switch body["traceparent"] {
        case nil, .null, .string: break
        default: throw Mistake(status: 400, sentence: "traceparent must be a string")
        }
        trace =
            [
                body["traceparent"]?.string, request.headers["traceparent"], agentConfig["traceparent"]?.string,
            ].lazy.compactMap { $0.flatMap { TraceContext(parsing: $0) } }.first
    }

    /// A name without the white space around it.
    private static func name(_ text: String, _ member: String, isStrict: Bool) throws(Mistake) -> String {
        let name = trimmed(text)
        guard !name.isEmpty else { throw Mistake(status: 400, sentence: "\(member) must not be empty") }
        guard name.unicodeScalars.count <= maximumNameLength else {
            throw Mistake(status: 400, sentence: "\(member) must be at most \(maximumNameLength) characters long")
        }
        guard isStrict else {
            guard !name.hasControlCharacters else {
                throw Mistake(status: 400, sentence: "\(member) must have no control characters")
            }
            return name
        }
        guard name.utf8.allSatisfy(isWordByte) else {
            throw Mistake(
                status: 400, sentence: "\(member) may only contain letters, numbers, hyphens and underscores")
        }
        return name
    }

    private static func optionalName(_ value: JSONValue?, _ member: String) throws(Mistake) -> String? {
        switch value {
        case nil, .null: return nil
        case .string(let text): return try name(text, member, isStrict: false)
        default: throw Mistake(status: 400, sentence: "\(member) must be a string")
        }
    }

    private static func metadata(_ value: JSONValue?) throws(Mistake) -> String {
        switch value {
        case nil, .null: return ""
        case .string(let text) where text.unicodeScalars.count <= maximumMetadataLength: return text
        default:
            throw Mistake(
                status: 400, sentence: "metadata must be a string of at most \(maximumMetadataLength) characters")
        }
    }

    private static func attributes(_ value: JSONValue?) throws(Mistake) -> [String: String] {
        switch value {
        case nil, .null: return [:]
        case .object(let object):
            let pairs = object.members.compactMap { member in member.value.string.map { (member.key, $0) } }
            guard pairs.count == object.members.count, pairs.count <= ParticipantAttributes.maximumCount,
                pairs.allSatisfy({ mayBeAttribute($0, $1) })
            else { break }
            return Dictionary(pairs, uniquingKeysWith: { $1 })
        default: break
        }
        throw Mistake(
            status: 400,
            sentence:
                "attributes must be an object of at most \(ParticipantAttributes.maximumCount) strings of at most "
                + "\(maximumValueLength) characters, whose names have 1 to \(ParticipantAttributes.maximumNameBytes) "
                + "letters, numbers, dots, hyphens and underscores and do not begin with voicegateway., lk. or sip.")
    }

    private static func mayBeAttribute(_ name: String, _ value: String) -> Bool {
        name.utf8.allSatisfy { isWordByte($0) || $0 == UInt8(ascii: ".") }
            && ParticipantAttributes.mayBeChosen([name: ""])
            && value.unicodeScalars.count <= maximumValueLength && !value.hasControlCharacters
    }

    private static func lifetime(_ value: JSONValue?) throws(Mistake) -> Int64 {
        switch value {
        case nil, .null: return standardLifetime
        case let value?:
            guard let seconds = value.integer, lifetimes.contains(seconds) else {
                throw Mistake(
                    status: 400,
                    sentence:
                        "ttl must be a whole number of seconds from \(lifetimes.lowerBound) to \(lifetimes.upperBound)")
            }
            return seconds
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    /// Without ASCII's white space at both ends.
    static func trimmed(_ text: String) -> String { String(text.trimmed(.asciiWhiteSpace)) }

    private static func configuration(_ value: JSONValue?) throws(Mistake) -> JSONObject {
        var members: JSONObject
        switch value {
        case nil, .null: members = [:]
        case .object(let object): members = object
        default: throw Mistake(status: 400, sentence: "agentConfig must be an object")
        }
        for (name, standard) in agentDefaults {
            switch members[name] {
            // Backends in JavaScript take an empty one for none, too.
            case nil, .null, "": members[name] = .string(standard)
            case .string: break
            default: throw Mistake(status: 400, sentence: "agentConfig.\(name) must be a string")
            }
        }
        return members
    }
}
