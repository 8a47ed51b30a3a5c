internal import Wire

/// What a datagram on a bundled WebRTC transport is, told from its first two bytes (RFC 7983, RFC 5761).
package enum PacketKind: Hashable, Sendable {
    case stun
    case dtls
    case rtp
    case rtcp
    /// ZRTP, TURN channel data, QUIC, or nothing at all: none of them is spoken here.
    case unknown

    /// Classifies by the first two bytes; a datagram of one byte passes 0 for the second.
    @inlinable
    package static func classify(_ first: UInt8, _ second: UInt8) -> PacketKind {
        switch first {
        case 0...3: .stun
        case 20...63: .dtls
        // RTCP packet types 192–223 are RTP payload types 64–95 with the marker bit set, which nobody may use
        // beside rtcp-mux (RFC 5761, section 4).
        case 128...191: (192...223).contains(second) ? .rtcp : .rtp
        default: .unknown
        }
    }

    /// Classifies a whole datagram; an empty one is unknown.
    package static func classify(_ datagram: RawSpan) -> PacketKind {
        guard datagram.byteCount >= 2 else { return .unknown }
        return classify(datagram[0], datagram[1])
    }
}
