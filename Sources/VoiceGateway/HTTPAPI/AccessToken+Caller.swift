internal import Signalling

extension AccessToken {
    /// The token of somebody who comes into a room to speak, to listen and to exchange data, with no other right.
    ///
    /// - Parameters:
    ///   - now: from when on it is valid, in seconds since 1970.
    ///   - lifetime: for how long, in seconds.
    static func caller(_ identity: String, in room: String, key: String, now: Int64, lifetime: Int64) -> AccessToken {
        .with {
            $0.key = key
            $0.identity = identity
            $0.video = .with {
                $0.roomJoin = true
                $0.room = room
                $0.canPublish = true
                $0.canSubscribe = true
                $0.canPublishData = true
            }
            $0.notBefore = now
            $0.expiresAt = now + lifetime
        }
    }
}
