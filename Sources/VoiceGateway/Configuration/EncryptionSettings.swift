package import LiveKitParticipant
package import Wire

/// Which rooms are encrypted end to end, and with which keys.
package struct EncryptionSettings: Hashable, Sendable {
    /// Of all rooms that the list does not have; nil: those are not encrypted.
    package var sharedSecret: EncryptionSecret?
    package var list = RoomKeyList()

    package init() {}

    /// The keys of a room, the one to send with last; empty for a room in clear.
    package func keys(of room: String) -> [RoomKey] {
        let own = list[room]
        return own.isEmpty ? sharedSecret.map { [RoomKey($0)] } ?? [] : own
    }
}

extension EncryptionSettings {
    init(_ settings: inout Settings) {
        self.init()
        sharedSecret = settings.read(GatewaySettings.roomKey)
        guard let path = settings.read(GatewaySettings.roomKeys) else { return }
        var mistakes: [String] = []
        list = RoomKeyList.read(path, mistakes: &mistakes)
        for mistake in mistakes { settings.add(mistake) }
    }
}
