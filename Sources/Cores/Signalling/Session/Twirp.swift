internal import Wire

/// The error codes of Twirp with their HTTP statuses (docs/livekit-protocol.md#the-server-api).
package enum TwirpCode: String, CaseIterable, Hashable, Sendable {
    case canceled
    case unknown
    case invalidArgument = "invalid_argument"
    case malformed
    case deadlineExceeded = "deadline_exceeded"
    case notFound = "not_found"
    case badRoute = "bad_route"
    case alreadyExists = "already_exists"
    case permissionDenied = "permission_denied"
    case unauthenticated
    case resourceExhausted = "resource_exhausted"
    case failedPrecondition = "failed_precondition"
    case aborted
    case outOfRange = "out_of_range"
    case unimplemented
    case `internal`
    case unavailable
    case dataLoss = "dataloss"

    package var status: Int {
        switch self {
        case .canceled, .deadlineExceeded: 408
        case .invalidArgument, .malformed, .outOfRange: 400
        case .notFound, .badRoute: 404
        case .alreadyExists, .aborted: 409
        case .permissionDenied: 403
        case .unauthenticated: 401
        case .resourceExhausted: 429
        case .failedPrecondition: 412
        case .unimplemented: 501
        case .unavailable: 503
        case .unknown, .internal, .dataLoss: 500
        }
    }
}

/// An error as Twirp carries it. Decide by the code: servers put prefixes before the text.
package struct TwirpError: Error, Hashable, Sendable {
    package let code: TwirpCode
    package let message: String
    /// The HTTP status of an answer that is not Twirp's, a proxy's page for instance; nil for Twirp's own errors.
    package let foreignStatus: Int?

    package init(_ code: TwirpCode, _ message: String, foreignStatus: Int? = nil) {
        self.code = code
        self.message = message
        self.foreignStatus = foreignStatus
    }

    /// The body of the answer; always JSON, whatever the request was.
    package var body: [UInt8] {
        JSONValue.object(["code": .string(code.rawValue), "msg": .string(message)]).serializedBytes()
    }

    /// Reads an answer whose status is not 200. What is not Twirp's, such as a proxy's page, is judged by its status.
    package init(status: Int, body: [UInt8]) {
        if let json = try? JSONValue(parsing: body, maximumDepth: 8, maximumSize: 64 << 10),
            let code = json["code"]?.string.flatMap({ TwirpCode(rawValue: $0) })
        {
            self.init(code, TokenRedaction.withoutTokens(json["msg"]?.string ?? ""))
            return
        }
        let code: TwirpCode =
            switch status {
            case 400: .internal
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404: .badRoute
            case 408: .deadlineExceeded
            case 429, 502, 503, 504: .unavailable
            default: .unknown
            }
        let page = TokenRedaction.withoutTokens(String(decoding: body.prefix(4096), as: UTF8.self))
        // In one line, as part of a sentence.
        let text = page.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(200)
        self.init(code, String(text), foreignStatus: status)
    }
}

/// How a Twirp body is spelled.
package enum TwirpEncoding: Hashable, Sendable {
    case protobuf
    case json

    /// By the `Content-Type` of a request, parameters ignored; nil for what Twirp does not know.
    package init?(contentType: String) {
        let type = contentType.split(separator: ";", omittingEmptySubsequences: false)[0]
        switch type.lowercased().filter({ $0 != " " }) {
        case "application/protobuf": self = .protobuf
        case "application/json": self = .json
        default: return nil
        }
    }

    package var contentType: String { self == .protobuf ? "application/protobuf" : "application/json" }

    /// A request's or answer's body.
    package func encode(_ message: some ProtobufMessage) -> [UInt8] {
        self == .protobuf ? message.encoded() : message.json(.serverAnswer).serializedBytes()
    }

    /// Reads a body; an empty JSON body is refused as Twirp refuses it.
    package func decode<Message: ProtobufMessage>(
        _ type: Message.Type = Message.self, _ body: [UInt8]
    ) throws(TwirpError) -> Message {
        do {
            switch self {
            case .protobuf: return try Message(decoding: body)
            case .json: return try Message(json: try JSONValue(parsing: body))
            }
        } catch {
            throw TwirpError(.malformed, "the request could not be decoded: \(error)")
        }
    }
}
