package import HTTP
internal import SecureTransport
internal import Wire

/// How an event stands on the disk: a line with what the file is and the SHA-256 of all behind that line, then a JSON object.
package enum WebhookSpoolFile {
    /// Longer files are none of ours, and longer events are not kept.
    package static let maximumBytes = 64 << 10

    private static let beginning = "voicegateway webhook 1 "
    private static let suffix = ".webhook"
    /// The digits of the largest number.
    private static let digits = 20

    /// The name of a delivery's file; names sort as deliveries do.
    package static func name(of delivery: WebhookDelivery) -> String {
        let number = String(delivery.number)
        return String(repeating: "0", count: digits - number.count) + number + suffix
    }

    /// The number in a file's name; nil when the file is none of ours.
    package static func number(in name: String) -> UInt64? {
        guard name.utf8.count == digits + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
        let number = name.utf8.prefix(digits)
        return number.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(Substring(number)) : nil
    }

    /// - Parameter receiver: the URL's name, see `name(of:)`.
    package static func content(of delivery: WebhookDelivery, receiver: String) -> [UInt8] {
        let json: JSONValue = [
            "receiver": .string(receiver), "session": .string(delivery.session),
            "created": .integer(delivery.createdAt), "body": .string(String(decoding: delivery.body, as: UTF8.self)),
        ]
        let text = json.serializedBytes()
        return Array((beginning + digest(of: text) + "\n").utf8) + text
    }

    /// Reads a file; nil when it is damaged, or none of ours.
    /// - Parameter receivers: the names of those that there are now.
    package static func delivery(number: UInt64, content: [UInt8], receivers: [String]) -> WebhookDelivery? {
        guard content.count <= maximumBytes, content.starts(with: beginning.utf8),
            let end = content.firstIndex(of: UInt8(ascii: "\n"))
        else { return nil }
        let text = Array(content[(end + 1)...])
        guard content[beginning.utf8.count..<end].elementsEqual(digest(of: text).utf8),
            let json = try? JSONValue(parsing: text), let name = json["receiver"]?.string,
            let receiver = receivers.firstIndex(of: name), let session = json["session"]?.string,
            let createdAt = json["created"]?.integer, let body = json["body"]?.string
        else { return nil }
        return WebhookDelivery(
            number: number, receiver: receiver, session: session, createdAt: createdAt, body: Array(body.utf8))
    }

    /// What a receiver is called on the disk, where its URL would be a secret that lies about.
    package static func name(of url: HTTPURL) -> String {
        String(digest(of: Array("\(url.origin)\(url.target)".utf8)).prefix(16))
    }

    private static func digest(of bytes: [UInt8]) -> String {
        SHA256.digest(bytes).reduce(into: "") { text, byte in
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
}
