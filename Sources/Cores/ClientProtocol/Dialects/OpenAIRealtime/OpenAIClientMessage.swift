internal import Wire

/// A message of a client of OpenAI's Realtime API.
enum OpenAIClientMessage: Hashable, Sendable {
    /// The members of the session that change.
    case update(JSONObject)
    /// Sound of the caller: bytes in the session's input format.
    case sound([UInt8])
    case commit
    case clear
    /// Drop what is queued for playback.
    case clearOutput
    /// Something is said in writing. `id` is the client's own name of it; nil for none.
    case text(String, id: String?, after: String?)
    case callOutput(String, of: String, id: String?)
    /// So many ms of the item have been played.
    case truncate(item: String, milliseconds: Int)
    case delete(item: String)
    case retrieve(item: String)
    /// The agent is to answer. The members are wishes about how.
    case respond(JSONObject)
    case cancel(response: String?)

    /// Bytes of a name that a client gives to its message (`RealtimeClientEvent.event_id`).
    private static let maximumEventID = 512
    /// Bytes of a text; longer ones have no place in a message to the room.
    static let maximumText = ExtendedVocabulary.maximumTextSize

    static let types = [
        "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
        "output_audio_buffer.clear", "conversation.item.create", "conversation.item.truncate",
        "conversation.item.delete", "conversation.item.retrieve", "response.create", "response.cancel",
    ]

    /// The client's own name of a message; nil for none.
    static func eventID(of message: JSONValue) -> String? {
        guard let id = message["event_id"]?.string, (1...maximumEventID).contains(id.utf8.count) else { return nil }
        return id
    }

    /// - Parameter sound: what base64 was taken out of the message before, if any.
    init(_ message: JSONValue, sound: Result<[UInt8], Base64Error>? = nil) throws(OpenAIFault) {
        switch message["type"]?.string {
        case "session.update":
            guard let session = message["session"]?.object else {
                throw .invalid("session", "an object with what is to change")
            }
            self = .update(session)
        case "input_audio_buffer.append":
            guard let text = message["audio"]?.string else { throw .invalid("audio", "base64 of sound") }
            do throws(Base64Error) {
                guard let sound else {
                    self = .sound(try Base64.decodeTolerantly(text))
                    return
                }
                self = .sound(try sound.get())
            } catch {
                throw .invalid("audio", "base64 of sound: \(error)")
            }
        case "input_audio_buffer.commit": self = .commit
        case "input_audio_buffer.clear": self = .clear
        case "output_audio_buffer.clear": self = .clearOutput
        case "conversation.item.create": self = try Self.item(message)
        case "conversation.item.truncate":
            guard let end = message["audio_end_ms"]?.integer, end >= 0 else {
                throw .invalid("audio_end_ms", "a number of milliseconds that is not negative")
            }
            guard (message["content_index"]?.integer ?? 0) == 0 else { throw .invalid("content_index", "0") }
            self = .truncate(item: try Self.itemID(message), milliseconds: Int(clamping: end))
        case "conversation.item.delete": self = .delete(item: try Self.itemID(message))
        case "conversation.item.retrieve": self = .retrieve(item: try Self.itemID(message))
        case "response.create": self = .respond(message["response"]?.object ?? [:])
        case "response.cancel": self = .cancel(response: message["response_id"]?.string)
        case let other:
            let shown = InvalidParameter(name: "type", value: other ?? "", allowed: Self.types.joined(separator: ", "))
            throw OpenAIFault("unknown_event", shown.clientError.message, "type")
        }
    }

    private static func itemID(_ message: JSONValue) throws(OpenAIFault) -> String {
        guard let id = message["item_id"]?.string else { throw .invalid("item_id", "the name of an item") }
        return id
    }

    private static func item(_ message: JSONValue) throws(OpenAIFault) -> OpenAIClientMessage {
        guard let item = message["item"], item.object != nil else { throw .invalid("item", "an object") }
        let id = item["id"]?.string
        guard id.map({ (1...OpenAIConversation.maximumIDSize).contains($0.utf8.count) }) ?? true else {
            throw .invalid("item.id", "a string of 1 to \(OpenAIConversation.maximumIDSize) bytes")
        }
        switch item["type"]?.string {
        case "message": break
        case "function_call_output":
            guard let call = item["call_id"]?.string, let output = item["output"]?.string else {
                throw .invalid("item", "a function_call_output with \"call_id\" and \"output\", both strings")
            }
            return .callOutput(output, of: call, id: id)
        default: throw .unsupported("item.type", "only message and function_call_output reach the agent")
        }
        guard item["role"]?.string == "user" else {
            throw .unsupported(
                "item.role", "the agent has its own instructions and its own memory; only the user can say something")
        }
        var texts: [String] = []
        for (index, part) in (item["content"]?.array ?? []).enumerated() {
            guard part["type"]?.string == "input_text", let text = part["text"]?.string else {
                throw .unsupported(
                    "item.content[\(index)]",
                    "only input_text reaches the agent; sound goes by input_audio_buffer.append")
            }
            texts.append(text)
        }
        let text = texts.joined(separator: "\n")
        guard (1...maximumText).contains(text.utf8.count) else {
            throw .invalid("item.content", "input_text with 1 to \(maximumText) bytes of text in all")
        }
        return .text(text, id: id, after: message["previous_item_id"]?.string)
    }
}
