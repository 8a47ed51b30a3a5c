internal import ClientProtocol
package import Wire

/// A device that may connect, as a line of the operator's list has it.
package struct KnownDevice: Hashable, Sendable {
    /// The address of its network interface, in small letters.
    package var id: String
    /// What the device has made up for itself; empty: whatever it says.
    package var clientID = ""
    /// What the caller is called in the room; nil: as its id.
    package var name: String?
    /// The agent that it talks with; nil: the operator's.
    package var agent: String?
    /// The room that it joins; nil: one of its own, the same each time.
    package var room: String?

    package init(id: String) { self.id = id }

    /// Why a line cannot be used, as the end of a sentence.
    package struct Mistake: Error, Hashable, Sendable {
        package let reason: String
    }

    private static let members: Set<String> = ["id", "client_id", "name", "agent", "room"]

    /// Reads a line of the list.
    package init(line: String) throws(Mistake) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: Array(line.utf8))
        } catch {
            throw Mistake(reason: "it is not JSON: \(error)")
        }
        guard let object = value.object else { throw Mistake(reason: "it is no JSON object") }
        if let other = object.members.first(where: { !Self.members.contains($0.key) }) {
            throw Mistake(reason: "\"\(other.key)\" is none of \(Self.members.sorted().joined(separator: ", "))")
        }
        guard
            let device = ClientDevice(id: object["id"]?.string ?? "", clientID: object["client_id"]?.string ?? "")
        else { throw Mistake(reason: "\"id\" must be the device's address, such as 00:22:44:66:88:00") }
        id = device.id
        clientID = device.clientID
        name = try Self.text("name", object)
        agent = try Self.text("agent", object)
        room = try Self.text("room", object)
    }

    private static func text(_ name: String, _ object: JSONObject) throws(Mistake) -> String? {
        guard let value = object[name] else { return nil }
        let lengths = 1...SessionParameters.maximumNameLength
        guard let text = value.string, lengths.contains(text.count), !text.contains(where: \.isNewline) else {
            throw Mistake(reason: "\"\(name)\" must be a string of 1 to \(lengths.upperBound) characters")
        }
        return text
    }

    /// The line of the list.
    package var json: JSONValue {
        var object: JSONObject = ["id": .string(id)]
        if !clientID.isEmpty { object["client_id"] = .string(clientID) }
        object["name"] = name.map { .string($0) }
        object["agent"] = agent.map { .string($0) }
        object["room"] = room.map { .string($0) }
        return .object(object)
    }

    /// Whether it is this one that connects.
    func isSame(as device: ClientDevice) -> Bool {
        id == device.id && (clientID.isEmpty || clientID == device.clientID)
    }
}
