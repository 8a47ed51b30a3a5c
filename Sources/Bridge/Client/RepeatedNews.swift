internal import ClientProtocol
internal import Wire

/// What a client could be told with every message, and is told once in a while: errors of one kind, and how much of its
/// sound is dropped.
struct RepeatedNews {
    private let interval: Duration
    private var errors: [ClientError.Code: Instant] = [:]
    /// Messages that the present connection had dropped when the client was last told, and when that was.
    private var drops: (messages: Int, at: Instant?) = (0, nil)

    init(interval: Duration) { self.interval = interval }

    /// Whether the client is to be told of this error now.
    mutating func isDue(_ error: ClientError, now: Instant) -> Bool {
        if let last = errors[error.code], now - last < interval { return false }
        errors[error.code] = now
        return true
    }

    /// How many messages with sound the client is to be told of, which its connection has dropped; nil for none.
    mutating func isDue(dropped: Int, now: Instant) -> Int? {
        guard dropped > drops.messages else { return nil }
        if let last = drops.at, now - last < interval { return nil }
        defer { drops = (dropped, now) }
        return dropped - drops.messages
    }

    /// There is another connection, which has dropped so many so far.
    mutating func begin(dropped: Int) { drops = (dropped, nil) }
}
