internal import ClientProtocol

extension SessionParameters {
    /// Begins the names of rooms that devices have for themselves.
    private static let roomPrefix = "xiaozhi-"

    /// Takes over who and where a device is.
    ///
    /// - Parameter known: the device that it has shown to be; nil for one that only says so, which then has no more choice
    ///   than other callers.
    mutating func settle(as known: KnownDevice?, _ access: AccessPolicy) {
        guard let device, accessToken == nil else { return }
        guard let known else {
            if access.allowsClientIdentities, identity == nil { identity = device.id }
            if access.allowsClientRooms, room == nil { room = Self.roomPrefix + device.id }
            return
        }
        identity = known.id
        room = known.room ?? Self.roomPrefix + known.id
        name = known.name ?? name
        agent = known.agent ?? agent
    }
}
