internal import Wire

/// The tools that a client has announced (`session.tools`), as methods that an agent calls by their names:
///
/// - `openai.tools`: what there is, as a JSON array.
/// - any tool's name with a JSON object: does it, and answers what the client says.
struct OpenAITools: Sendable {
    static let listMethod = "openai.tools"
    static let maximumTools = 64
    /// Bytes of all tools as JSON: the agent learns them with its job.
    static let maximumBytes = 24 << 10
    /// Calls that the client has not answered.
    static let maximumCalls = 32

    /// As the client wrote them, without what no session shows.
    private(set) var list: [JSONValue] = []
    private var names: Set<String> = []
    /// The calls of the agent that the client works on, in the order in which they were made.
    private var calls: [(id: String, call: String)] = []

    /// - Parameter list: which has been read before, by `read`; nil for none.
    mutating func adopt(_ list: JSONValue?) {
        self.list = list?.array ?? []
        names = Set(self.list.compactMap { $0["name"]?.string })
    }

    /// Reads the tools of a session.
    static func read(_ value: JSONValue) throws(OpenAIFault) -> JSONValue {
        guard let tools = value.array, tools.count <= maximumTools else {
            throw .invalid("session.tools", "an array of at most \(maximumTools) tools")
        }
        var list: [JSONValue] = []
        for (index, tool) in tools.enumerated() {
            guard tool["type"]?.string == "function" else {
                throw .unsupported("session.tools[\(index)]", "only tools of type function can be lent to the agent")
            }
            let lengths = 1...MethodCall.maximumMethodBytes
            guard let name = tool["name"]?.string, lengths.contains(name.utf8.count), name != listMethod else {
                throw .invalid("session.tools[\(index)].name", "a string of 1 to \(lengths.upperBound) bytes")
            }
            var kept: JSONObject = ["type": "function", "name": .string(name)]
            kept["description"] = tool["description"].flatMap { $0.string == nil ? nil : $0 }
            kept["parameters"] = tool["parameters"].flatMap { $0.object == nil ? nil : $0 }
            list.append(.object(kept))
        }
        guard JSONValue.array(list).serialized().utf8.count <= maximumBytes else {
            throw .invalid("session.tools", "at most \(maximumBytes) bytes of JSON")
        }
        return .array(list)
    }

    // MARK: Calls

    /// What becomes of a call of the agent.
    enum Step: Hashable, Sendable {
        /// The client is asked.
        case ask
        case end(MethodOutcome)
    }

    /// - Parameter name: of the call, for the client; new.
    mutating func take(_ call: MethodCall, as name: String) -> Step {
        if call.method == Self.listMethod { return .end(.success(description)) }
        guard names.contains(call.method) else { return .end(.failure(.unsupported)) }
        guard calls.count < Self.maximumCalls else {
            return .end(.failure(.application("the client has \(Self.maximumCalls) calls to answer already")))
        }
        calls.append((name, call.id))
        return .ask
    }

    /// The client answers a call.
    mutating func take(
        _ output: String, of name: String, _ id: String?, _ conversation: inout OpenAIConversation
    ) throws(OpenAIFault) -> [OpenAIStep] {
        let item = try conversation.name(id)
        guard let index = calls.firstIndex(where: { $0.id == name }) else {
            throw OpenAIFault("call_not_found", "the agent waits for no output of this call", "item.call_id")
        }
        let call = calls.remove(at: index).call
        guard output.utf8.count <= MethodCall.maximumPayloadBytes else {
            let why =
                "the output has \(output.utf8.count) bytes; \(MethodCall.maximumPayloadBytes) reach the agent at most"
            return [
                .refuse(OpenAIFault("invalid_value", why, "item.output")),
                .event(.callEnded(id: call, .failure(.application(why)))),
            ]
        }
        return conversation.addComplete(OpenAIItem(item, .callOutput(id: name, output: output))).map { .send($0) }
            + [.event(.callEnded(id: call, .success(output)))]
    }

    /// Asks the client: a response of its own, which is over at once.
    static func ask(
        _ call: String, _ tool: String, _ payload: String, _ conversation: inout OpenAIConversation
    ) -> [ClientFrame] {
        let arguments = payload.isEmpty ? "{}" : payload
        let response = conversation.mint("resp")
        var item = OpenAIItem(
            conversation.mint("item"), .call(id: call, tool: tool, arguments: ""), .inProgress)
        let place: JSONObject = [
            "response_id": .string(response), "item_id": .string(item.id), "output_index": 0, "call_id": .string(call),
        ]
        let output = { (item: OpenAIItem) -> JSONObject in
            ["response_id": .string(response), "output_index": 0, "item": item.json]
        }
        let with = { (members: [JSONObject.Member]) in JSONObject(members: place.members + members) }
        var frames = [
            conversation.event(
                "response.created", ["response": OpenAIReplies.json(response, "in_progress", output: [])]),
            conversation.event("response.output_item.added", output(item)), conversation.add(item),
            conversation.event(
                "response.function_call_arguments.delta", with([.init(key: "delta", value: .string(arguments))])),
            conversation.event(
                "response.function_call_arguments.done",
                with([
                    .init(key: "name", value: .string(tool)), .init(key: "arguments", value: .string(arguments)),
                ])),
        ]
        item.content = .call(id: call, tool: tool, arguments: arguments)
        item.status = .completed
        conversation.update(item)
        frames += [
            conversation.event("response.output_item.done", output(item)),
            conversation.event(
                "conversation.item.done",
                ["previous_item_id": conversation.previous(of: item.id), "item": item.json]),
            conversation.event(
                "response.done",
                ["response": OpenAIReplies.json(response, .completed, output: [item.json])]),
        ]
        return frames
    }

    /// All that fits into an answer: the tools as they are, else without the schemas of their arguments, else their names.
    private var description: String {
        for members in [["type", "name", "description", "parameters"], ["type", "name", "description"], ["name"]] {
            let shown = list.compactMap(\.object).map { tool in
                JSONValue.object(JSONObject(members: tool.members.filter { members.contains($0.key) }))
            }
            let text = JSONValue.array(shown).serialized()
            if text.utf8.count <= MethodCall.maximumPayloadBytes { return text }
        }
        return "[]"
    }
}
