/// One `a=extmap` line (RFC 8285): the number that stands for a header extension in RTP packets.
package struct RTPHeaderExtensionMapping: Hashable, Sendable {
    /// 1 to 14 in the one-byte form; up to 255 is parsed.
    package var id: UInt8
    package var uri: String

    package init(id: UInt8, uri: String) {
        self.id = id
        self.uri = uri
    }

    /// The section that a packet belongs to (RFC 8843 section 15).
    package static let midURI = "urn:ietf:params:rtp-hdrext:sdes:mid"
    /// The loudness of a packet (RFC 6464).
    package static let audioLevelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
}
