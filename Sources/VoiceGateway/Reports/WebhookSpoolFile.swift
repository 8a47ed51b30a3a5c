package import HTTP
internal import SecureTransport
internal import Wire

/// Deliveries as files of a spool (`SpoolRecord`).
package enum WebhookSpoolFile {
    /// - Parameter receiver: the URL's name, see `name(of:)`.
    package static func content(of delivery: WebhookDelivery, receiver: String) -> [UInt8] {
        SpoolRecord(
            receiver: receiver, session: delivery.session, createdAt: delivery.createdAt,
            body: String(decoding: delivery.body, as: UTF8.self)
        ).serialized(digest: SHA256.digest)
    }

    /// Reads a file; nil when it is damaged, or none of ours.
    /// - Parameter receivers: the names of those that there are now.
    package static func delivery(number: UInt64, content: [UInt8], receivers: [String]) -> WebhookDelivery? {
        guard let record = SpoolRecord(parsing: content, digest: SHA256.digest),
            let receiver = receivers.firstIndex(of: record.receiver)
        else { return nil }
        return WebhookDelivery(
            number: number, receiver: receiver, session: record.session, createdAt: record.createdAt,
            body: Array(record.body.utf8))
    }

    /// What a receiver is called on the disk, where its URL would be a secret that lies about.
    package static func name(of url: HTTPURL) -> String {
        let digest = SHA256.digest(Array("\(url.origin)\(url.target)".utf8))
        return String(Hexadecimal.text(digest).prefix(16))
    }
}
