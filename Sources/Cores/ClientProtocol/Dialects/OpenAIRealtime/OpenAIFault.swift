internal import Wire

/// Why a client is told `error`, in the words of OpenAI's Realtime API.
struct OpenAIFault: Error, Hashable, Sendable {
    /// What went wrong, for programs.
    var code: String
    /// One sentence for people.
    var message: String
    /// The member that it is about, `session.tools[0]` for example.
    var parameter: String?
    /// Whether the client is to blame.
    var isClients = true
    /// The client's own name of the message that it is about.
    var eventID: String?

    /// The code of what is not as it must be.
    static let invalidValue = "invalid_value"

    init(_ code: String, _ message: String, _ parameter: String? = nil) {
        self.code = code
        self.message = message
        self.parameter = parameter
    }

    /// OpenAI's models can do it, and an agent in a room cannot.
    static func unsupported(_ parameter: String, _ why: String) -> OpenAIFault {
        OpenAIFault("unsupported_by_room_agent", "\(parameter) has no effect: \(why)", parameter)
    }

    /// A member is not as it must be.
    static func invalid(_ parameter: String, _ allowed: String) -> OpenAIFault {
        OpenAIFault(invalidValue, "\(parameter) must be \(allowed)", parameter)
    }

    static let emptyTurn = OpenAIFault(
        "input_audio_buffer_commit_empty",
        "there are less than \(OpenAICaller.shortestTurn) ms of sound since the last turn")
    static let nothingToStop = OpenAIFault("response_cancel_not_active", "this reply is not being given")

    /// - Parameter task: what was to be done with the item; Pipecat goes on after this code alone.
    static func unknownItem(_ id: String, to task: String) -> OpenAIFault {
        let shown = InvalidParameter(name: "", value: id, allowed: "").value
        return OpenAIFault("item_\(task)_invalid_item_id", "there is no item \"\(shown)\" (any more)", "item_id")
    }

    init(_ error: ClientError) {
        self.init(error.code.rawValue, error.message)
        isClients = error.blame == .client
    }

    init(_ refusal: AdmissionRefusal) {
        self.init(refusal.clientError)
        switch refusal {
        case .missingKey, .wrongKey: code = "invalid_api_key"
        case .rateLimited, .tooManyForAddress, .tooManyForKey: code = "rate_limit_exceeded"
        case .unavailable, .draining, .originNotAllowed: break
        }
    }

    init(_ reason: ClosingReason, _ message: String) {
        self.init(reason.rawValue, message)
        isClients = reason.closeCode >= 4400 || reason == .rateLimited
    }

    /// The member `error` of the event.
    var json: JSONValue {
        [
            "type": .string(isClients ? "invalid_request_error" : "server_error"), "code": .string(code),
            "message": .string(message), "param": parameter.map { .string($0) } ?? .null,
            "event_id": eventID.map { .string($0) } ?? .null,
        ]
    }
}
