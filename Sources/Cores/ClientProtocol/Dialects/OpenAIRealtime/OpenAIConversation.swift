internal import Wire

/// What one connection has been told: the numbers of its events, and its latest items in the order in which they came.
struct OpenAIConversation: Sendable {
    /// Items that a client can still ask for.
    static let maximumItems = 64
    /// Bytes of a name that a client gives to an item.
    static let maximumIDSize = 64
    static let id = "conv_1"

    private var events = 0
    private var minted = 0
    private var items: [OpenAIItem] = []

    /// The item that the next one follows.
    var last: String? { items.last?.id }

    subscript(_ id: String) -> OpenAIItem? { items.last { $0.id == id } }

    mutating func nextEvent() -> Int {
        events += 1
        return events
    }

    /// An event, ready to be sent.
    mutating func event(_ type: String, _ members: JSONObject = [:]) -> ClientFrame {
        var event: JSONObject = ["type": .string(type), "event_id": .string("event_\(nextEvent())")]
        for member in members.members { event.append(member.key, member.value) }
        return .text(JSONValue.object(event).serialized())
    }

    mutating func error(_ fault: OpenAIFault) -> ClientFrame { event("error", ["error": fault.json]) }

    /// A new name that begins so.
    mutating func mint(_ kind: String) -> String {
        minted += 1
        return "\(kind)_\(minted)"
    }

    /// The name of a new item: what its client calls it, or a new one.
    mutating func name(_ id: String?) throws(OpenAIFault) -> String {
        guard let id else { return mint("item") }
        guard self[id] == nil else { throw OpenAIFault("item_already_exists", "there is such an item", "item.id") }
        return id
    }

    /// Takes an item in, of which the client is told that it is there.
    mutating func add(_ item: OpenAIItem) -> ClientFrame {
        let previous = previousMember
        items.append(item)
        items.removeFirst(max(0, items.count - Self.maximumItems))
        return event("conversation.item.added", ["previous_item_id": previous, "item": item.json])
    }

    /// The same of one that is complete.
    mutating func addComplete(_ item: OpenAIItem) -> [ClientFrame] {
        let previous = previousMember
        let added = add(item)
        return [added, event("conversation.item.done", ["previous_item_id": previous, "item": item.json])]
    }

    /// The item has become this; nothing for one that is forgotten.
    mutating func update(_ item: OpenAIItem) {
        guard let index = items.lastIndex(where: { $0.id == item.id }) else { return }
        items[index] = item
    }

    /// The item that the one of this name follows, as events have it.
    func previous(of id: String) -> JSONValue {
        guard let index = items.lastIndex(where: { $0.id == id }), index > 0 else { return .null }
        return .string(items[index - 1].id)
    }

    var previousMember: JSONValue { last.map { .string($0) } ?? .null }
}
