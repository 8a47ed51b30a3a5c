package import Wire

/// A text message that came in pieces because it is large, as `LargeMessageReader` has read it.
package struct LargeMessage: Sendable {
    /// A text message of more bytes comes in pieces.
    package static let threshold = 128 << 10

    /// Bytes of the message.
    package let byteCount: Int
    /// What its member with sound, mostly `data`, stands for as base64, if it was the last of that name and a string.
    package let sound: Result<[UInt8], Base64Error>?

    /// The message, in which an empty string stands for the content of that member.
    private let text: [UInt8]
    /// The member with sound.
    private let member: String
    /// Where in the message that content began, and how long it was.
    private let left: Range<Int>
    /// What is wrong within it, as JSON.
    private let mistake: JSONError?
    private let isTooLong: Bool

    init(
        byteCount: Int, text: [UInt8], member: String, sound: Result<[UInt8], Base64Error>?, left: Range<Int>,
        mistake: JSONError?, isTooLong: Bool
    ) {
        self.byteCount = byteCount
        self.text = text
        self.member = member
        self.sound = sound
        self.left = left
        self.mistake = mistake
        self.isTooLong = isTooLong
    }

    /// The message as JSON, its sound left out. Places in errors are those of the message.
    package func value() throws(ClientError) -> JSONValue {
        guard mistake != nil || !isTooLong else {
            throw ClientError(
                .invalidMessage,
                "The message has \(byteCount) bytes. Besides \"\(member)\", at most \(LargeMessageReader.maximumTextBytes) are accepted."
            )
        }
        do throws(JSONError) {
            if let mistake { throw mistake }
            return try JSONValue(parsing: text)
        } catch {
            let shift = error.offset >= left.lowerBound && mistake == nil ? left.count : 0
            throw ClientError(
                .invalidMessage,
                "Invalid JSON: \(JSONError(reason: error.reason, offset: error.offset + shift))")
        }
    }
}
