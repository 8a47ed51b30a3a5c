/// One event on its way to one receiver.
package struct WebhookDelivery: Hashable, Sendable {
    /// In the order in which events happened; each delivery has its own, over restarts too.
    package let number: UInt64
    /// Its place in `WebhookSettings.receivers`.
    package let receiver: Int
    /// The session that the event is about. What is told of one goes out in order.
    package let session: String
    /// Seconds since 1970.
    package let createdAt: Int64
    /// JSON, the same for each attempt.
    package let body: [UInt8]

    package init(number: UInt64, receiver: Int, session: String, createdAt: Int64, body: [UInt8]) {
        self.number = number
        self.receiver = receiver
        self.session = session
        self.createdAt = createdAt
        self.body = body
    }
}
