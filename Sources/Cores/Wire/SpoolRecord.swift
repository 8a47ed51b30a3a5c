/// An event that waits on the disk for its receiver, as its file has it: a line with what the file is and the SHA-256 of all
/// behind that line, then a JSON object. The digest finds damage. It keeps nobody out who may write into the directory, so what
/// is read is believed as little as what comes from the network.
package struct SpoolRecord: Hashable, Sendable {
    /// SHA-256 of bytes: 32 bytes.
    package typealias Digest = ([UInt8]) -> [UInt8]

    /// Longer files are none of ours, and longer events are not kept.
    package static let maximumBytes = 64 << 10
    /// The moments that an event can have happened at, in seconds since 1970: until the year 9999.
    package static let moments: ClosedRange<Int64> = 0...253_402_300_799

    private static let beginning = Array("voicegateway webhook 1 ".utf8)
    private static let suffix = ".webhook"
    /// The digits of the largest number.
    private static let digits = 20

    /// What the receiver is called on the disk.
    package let receiver: String
    /// The session that the event is about.
    package let session: String
    /// Seconds since 1970.
    package let createdAt: Int64
    /// JSON.
    package let body: String

    package init(receiver: String, session: String, createdAt: Int64, body: String) {
        self.receiver = receiver
        self.session = session
        self.createdAt = createdAt
        self.body = body
    }

    /// Nil when the file is damaged, or none of ours.
    package init?(parsing content: [UInt8], digest: Digest) {
        guard content.count <= Self.maximumBytes, content.starts(with: Self.beginning),
            let end = content.firstIndex(of: UInt8(ascii: "\n"))
        else { return nil }
        let text = Array(content[(end + 1)...])
        guard content[Self.beginning.count..<end].elementsEqual(Hexadecimal.text(digest(text)).utf8),
            let json = try? JSONValue(parsing: text), let receiver = json["receiver"]?.string,
            let session = json["session"]?.string, let createdAt = json["created"]?.integer,
            Self.moments.contains(createdAt), let body = json["body"]?.string
        else { return nil }
        self.init(receiver: receiver, session: session, createdAt: createdAt, body: body)
    }

    /// The file's content.
    package func serialized(digest: Digest) -> [UInt8] {
        let json: JSONValue = [
            "receiver": .string(receiver), "session": .string(session), "created": .integer(createdAt),
            "body": .string(body),
        ]
        let text = json.serializedBytes()
        return Self.beginning + Hexadecimal.text(digest(text)).utf8 + [UInt8(ascii: "\n")] + text
    }

    /// The name of the file of an event with this number; names sort as numbers do.
    package static func name(of number: UInt64) -> String {
        let number = String(number)
        return String(repeating: "0", count: digits - number.count) + number + suffix
    }

    /// The number in a file's name; nil when the file is none of ours.
    package static func number(in name: String) -> UInt64? {
        guard name.utf8.count == digits + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
        let number = name.utf8.prefix(digits)
        return number.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(Substring(number)) : nil
    }
}
