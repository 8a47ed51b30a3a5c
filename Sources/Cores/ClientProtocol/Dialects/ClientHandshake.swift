/// What the request for a WebSocket says: header fields by name, whatever their case, and the pairs of its query.
package struct ClientHandshake {
    package let header: (String) -> String?
    package let query: (String) -> String?

    package init(header: @escaping (String) -> String?, query: @escaping (String) -> String?) {
        self.header = header
        self.query = query
    }
}

/// Which device connects, in dialects whose handshake says so.
package struct ClientDevice: Hashable, Sendable {
    /// A name that no other device has: the address of its network interface.
    package var id: String
    /// What the device has made up for itself; empty if nothing.
    package var clientID: String
    /// The version of its binary messages, in dialects that have several; nil if it says none.
    package var framing: Int?

    /// Characters of a name.
    package static let nameLengths = 1...64

    /// Nil when the name cannot be one: letters, digits, and what stands between them in addresses and UUIDs.
    package init?(id: String, clientID: String, framing: Int? = nil) {
        guard Self.isName(id), clientID.isEmpty || Self.isName(clientID) else { return nil }
        // Addresses are written either way.
        self.id = id.lowercased()
        self.clientID = clientID
        self.framing = framing
    }

    private static func isName(_ text: String) -> Bool {
        nameLengths.contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F: true
                default: false
                }
            }
    }
}
