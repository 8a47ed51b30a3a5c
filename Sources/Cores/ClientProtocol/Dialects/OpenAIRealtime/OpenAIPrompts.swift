internal import Wire

/// What a part of the dialect asks for.
enum OpenAIStep: Hashable, Sendable {
    case send(ClientFrame)
    case event(ClientEvent)
    case refuse(OpenAIFault)
}

/// What the agent is to answer: texts, which wait until the client asks for a reply; what it has been told already; and
/// replies that are asked for without either.
///
/// An agent in a room answers what is said to it, so a text is sent only when an answer is wanted.
struct OpenAIPrompts: Sendable {
    /// The method of an agent that can speak without having been spoken to.
    static let method = "openai.response.create"
    private static let patience = Duration.seconds(10)
    /// Calls of it that are under way.
    private static let maximumWishes = 8
    /// Members that a reply of an agent does not follow.
    private static let unheeded = [
        "instructions", "input", "tools", "tool_choice", "output_modalities", "conversation",
    ]

    private var texts: [String] = []
    /// The agent knows of something that it has not answered.
    private var isTurnOpen = false
    private var hasAgentSpoken = false
    /// The client's own names of its wishes, by those of the calls.
    private var wishes: [(call: String, eventID: String?)] = []

    /// The agent has been told something.
    mutating func noteTurn() { isTurnOpen = true }

    /// The agent answers.
    mutating func noteReply() {
        isTurnOpen = false
        hasAgentSpoken = true
    }

    /// Takes a text.
    /// - Parameters:
    ///   - id: the client's name of it; nil for none.
    ///   - previous: the item that it is to follow.
    mutating func take(
        _ text: String, _ id: String?, after previous: String?, _ conversation: inout OpenAIConversation
    ) throws(OpenAIFault) -> [OpenAIStep] {
        let size = texts.reduce(text.utf8.count) { $0 + $1.utf8.count + 1 }
        guard size <= OpenAIClientMessage.maximumText else {
            throw .invalid("item.content", "at most \(OpenAIClientMessage.maximumText) bytes before a response.create")
        }
        let name = try conversation.name(id)
        let isLast = previous == nil || previous == "" || previous == conversation.last
        let isFirst = previous == "root" && conversation.last == nil
        texts.append(text)
        let frames = conversation.addComplete(OpenAIItem(name, .callerText(text))).map { OpenAIStep.send($0) }
        guard !isLast, !isFirst else { return frames }
        return frames
            + [.refuse(.unsupported("previous_item_id", "what is said comes after what was said before"))]
    }

    /// The client wants an answer.
    mutating func respond(
        _ members: JSONObject, isReplying: Bool, eventID: String?, _ conversation: inout OpenAIConversation
    ) throws(OpenAIFault) -> [OpenAIStep] {
        guard texts.isEmpty, !isTurnOpen, hasAgentSpoken else {
            var steps: [OpenAIStep] = []
            for name in Self.unheeded {
                guard let value = members[name], !value.isNull, value != ["audio"], value != "auto" else { continue }
                steps.append(
                    .refuse(.unsupported("response." + name, "the agent answers what was said in its own way")))
            }
            // Otherwise it has been spoken to and answers without being asked, or it is about to greet.
            guard !texts.isEmpty else { return steps }
            let text = texts.joined(separator: "\n")
            texts = []
            isTurnOpen = true
            return steps + [.event(.text(text))]
        }
        guard !isReplying else {
            throw OpenAIFault("conversation_already_has_active_response", "a reply is being given")
        }
        let payload = JSONValue.object(members).serialized()
        guard payload.utf8.count <= MethodCall.maximumPayloadBytes, wishes.count < Self.maximumWishes else {
            throw .unsupported("response.create", "it is too large, or the agent has been asked too often already")
        }
        let call = conversation.mint("respond")
        wishes.append((call, eventID))
        return [
            .event(.call(MethodCall(id: call, method: Self.method, payload: payload, timeout: Self.patience)))
        ]
    }

    /// The agent has taken a wish, or has not. Returns what the client is told.
    mutating func end(_ call: String, _ outcome: MethodOutcome) -> OpenAIFault? {
        guard let index = wishes.firstIndex(where: { $0.call == call }) else { return nil }
        let eventID = wishes.remove(at: index).eventID
        guard case .failure(let failure) = outcome else { return nil }
        var fault = OpenAIFault.unsupported(
            "response.create",
            "the agent has answered all that was said, and does not speak by \(Self.method): \(failure.message)")
        fault.eventID = eventID
        return fault
    }
}
