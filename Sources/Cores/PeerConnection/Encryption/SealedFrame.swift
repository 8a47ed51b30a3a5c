internal import Wire

/// Where things are in a frame of sound that is encrypted end to end, as LiveKit's SDKs make it: one byte in clear, so that
/// servers see what kind of Opus packet it is (RFC 6716 section 3.1), the rest encrypted, a tag of 16 bytes, a nonce of 12, the
/// length of the nonce, and the index of the key.
package struct SealedFrame: Hashable, Sendable {
    /// Bytes that stay in clear.
    package static let headerLength = 1
    package static let tagLength = 16
    package static let nonceLength = 12
    /// The nonce, its length, and the index of the key.
    package static let trailerLength = nonceLength + 2
    /// By how many bytes a frame becomes longer.
    package static let overhead = tagLength + trailerLength

    /// Where the tag begins, which is the length of the frame within.
    package let length: Int
    package let keyIndex: UInt8

    /// Where the nonce begins.
    package var nonce: Int { length + Self.tagLength }

    /// - Returns: nil for what is no such frame.
    package init?(_ bytes: RawSpan) {
        let length = bytes.byteCount - Self.overhead
        guard length >= Self.headerLength, bytes[bytes.byteCount - 2] == UInt8(Self.nonceLength) else { return nil }
        self.length = length
        keyIndex = bytes[bytes.byteCount - 1]
    }
}
