internal import Wire

/// The tools of a xiaozhi device (JSON-RPC of the Model Context Protocol, in which the device is the server), as methods
/// that an agent calls:
///
/// - `xiaozhi.tools`: what the device can do, as a JSON array.
/// - `xiaozhi.tool` with `{"name":…,"arguments":{…}}`: does it, and answers what the device says.
struct XiaozhiTools: Sendable {
    /// What is to be done.
    enum Step: Hashable, Sendable {
        /// A payload for the device.
        case send(JSONValue)
        case end(call: String, MethodOutcome)
    }

    static let listMethod = "xiaozhi.tools"
    static let callMethod = "xiaozhi.tool"
    /// Calls that the device has not answered, and tools that are remembered.
    static let maximumCalls = 32
    static let maximumTools = 128

    private enum State: Sendable {
        /// The device has no tools, as far as is known.
        case none
        case initializing(id: Int64)
        case listing(id: Int64)
        case ready
    }

    private var state = State.none
    private var tools: [JSONObject] = []
    /// The device understands numbers alone.
    private var lastID: Int64 = 0
    /// Our number of each call that the device works on, in the order in which they were made.
    private var calls: [(id: Int64, call: String)] = []
    /// Calls that wait for the list.
    private var waiting: [String] = []

    /// The device says that it has tools: asks which.
    mutating func begin() -> [Step] {
        guard case .none = state else { return [] }
        let id = nextID()
        state = .initializing(id: id)
        // The firmware looks for an address for pictures, and one client fails without an empty one.
        return [
            request(
                "initialize", id,
                [
                    "protocolVersion": "2024-11-05", "capabilities": ["vision": ["url": "", "token": ""]],
                    "clientInfo": ["name": "voicegateway", "version": .string(Product.version)],
                ])
        ]
    }

    private mutating func nextID() -> Int64 {
        lastID += 1
        return lastID
    }

    private func request(_ method: String, _ id: Int64, _ parameters: JSONValue) -> Step {
        .send(["jsonrpc": "2.0", "id": .integer(id), "method": .string(method), "params": parameters])
    }

    private mutating func list(from cursor: String) -> Step {
        let id = nextID()
        state = .listing(id: id)
        return request("tools/list", id, ["cursor": .string(cursor), "withUserTools": false])
    }

    // MARK: From the agent

    mutating func take(_ call: MethodCall) -> [Step] {
        guard call.method == Self.listMethod || call.method == Self.callMethod else {
            return [.end(call: call.id, .failure(.unsupported))]
        }
        if case .none = state { return [.end(call: call.id, .failure(.unsupported))] }
        let unanswered = MethodOutcome.failure(.application("the device does not answer"))
        guard call.method == Self.callMethod else {
            if case .ready = state { return [.end(call: call.id, .success(description))] }
            guard waiting.count < Self.maximumCalls else { return [.end(call: call.id, unanswered)] }
            waiting.append(call.id)
            return []
        }
        guard let payload = try? JSONValue(parsing: Array(call.payload.utf8)), let name = payload["name"]?.string,
            payload["arguments"].map({ $0.object != nil }) ?? true
        else {
            let message =
                "the payload must be a JSON object with \"name\" and, if there are any, \"arguments\": an object"
            return [.end(call: call.id, .failure(.application(message)))]
        }
        var steps: [Step] = []
        if calls.count == Self.maximumCalls { steps.append(.end(call: calls.removeFirst().call, unanswered)) }
        let id = nextID()
        calls.append((id, call.id))
        return steps + [request("tools/call", id, ["name": .string(name), "arguments": payload["arguments"] ?? [:]])]
    }

    /// All that fits into an answer: the tools as they are, else without the schemas of their arguments, else their names.
    private var description: String {
        for members in [["name", "description", "inputSchema"], ["name", "description"]] {
            let list = tools.map { tool in JSONObject(members: tool.members.filter { members.contains($0.key) }) }
            let text = JSONValue.array(list.map { .object($0) }).serialized()
            if text.utf8.count <= MethodCall.maximumPayloadBytes { return text }
        }
        return JSONValue.array(tools.compactMap { $0["name"] }).serialized()
    }

    // MARK: From the device

    mutating func receive(_ payload: JSONValue) -> [Step] {
        guard let id = payload["id"]?.integer else { return [] }
        switch state {
        case .initializing(id: id):
            guard payload["result"] != nil else { return finishList() }
            return [.send(["jsonrpc": "2.0", "method": "notifications/initialized"]), list(from: "")]
        case .listing(id: id):
            let page = payload["result"]?["tools"]?.array ?? []
            tools += page.compactMap(\.object).prefix(Self.maximumTools - tools.count)
            guard let next = payload["result"]?["nextCursor"]?.string, !next.isEmpty, !page.isEmpty,
                tools.count < Self.maximumTools
            else { return finishList() }
            return [list(from: next)]
        default: break
        }
        guard let index = calls.firstIndex(where: { $0.id == id }) else { return [] }
        return [.end(call: calls.remove(at: index).call, Self.outcome(payload))]
    }

    private mutating func finishList() -> [Step] {
        state = .ready
        defer { waiting = [] }
        let description = description
        return waiting.map { .end(call: $0, .success(description)) }
    }

    private static func outcome(_ payload: JSONValue) -> MethodOutcome {
        guard let result = payload["result"] else {
            return .failure(.application(payload["error"]?["message"]?.string ?? "the device gave no reason"))
        }
        let texts = (result["content"]?.array ?? []).compactMap { $0["text"]?.string }
        // What is no text, such as a picture, goes as the device has written it.
        let text = texts.isEmpty ? result.serialized() : texts.joined(separator: "\n")
        return result["isError"]?.bool == true ? .failure(.application(text)) : .success(text)
    }
}
