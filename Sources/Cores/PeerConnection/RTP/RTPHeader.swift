internal import Wire

/// The loudness of one audio packet (RFC 6464): the value of the header extension's single byte.
package struct AudioLevel: Hashable, Sendable {
    /// 0 (loudest) to 127 (silence): the negative of the level in dBov.
    package var negatedDecibels: UInt8
    /// Whether the sender believes that the packet holds speech.
    package var hasVoice: Bool

    package init(negatedDecibels: UInt8, hasVoice: Bool) {
        self.negatedDecibels = min(negatedDecibels, 127)
        self.hasVoice = hasVoice
    }

    package init(byte: UInt8) { self.init(negatedDecibels: byte & 0x7F, hasVoice: byte & 0x80 != 0) }

    package var byte: UInt8 { negatedDecibels | (hasVoice ? 0x80 : 0) }
}

/// The header of an RTP packet (RFC 3550 section 5.1) and where its parts lie. A plain value without storage of its
/// own, so that parsing one allocates nothing.
package struct RTPHeader: Hashable, Sendable {
    package var marker: Bool
    /// 0 to 127.
    package var payloadType: UInt8
    package var sequenceNumber: UInt16
    package var timestamp: UInt32
    package var ssrc: UInt32
    /// Bytes in front of the payload: fixed header, contributing sources and extension.
    package let headerLength: Int
    /// Bytes of payload, without padding.
    package let payloadLength: Int
    /// Contributing sources; they are skipped.
    package let contributingSourceCount: Int
    /// The extension's 16-bit profile word, nil without an extension.
    package let extensionProfile: UInt16?
    /// Offsets of the extension's data in the packet; empty without an extension.
    package let extensionBytes: Range<Int>

    /// Bytes of the fixed header.
    package static let fixedLength = 12
    /// The extension profile of the one-byte form (RFC 8285).
    package static let oneByteProfile: UInt16 = 0xBEDE

    /// Parses the header; nil unless version, lengths and padding are sound.
    package init?(_ packet: RawSpan) {
        let count = packet.byteCount
        guard count >= Self.fixedLength else { return nil }
        // One load for the first word: each checks its range.
        let word = packet.bigEndianUInt32(at: 0)
        let first = UInt8(word >> 24)
        guard first >> 6 == 2 else { return nil }
        contributingSourceCount = Int(first & 0x0F)
        marker = word & 0x80_0000 != 0
        payloadType = UInt8(word >> 16 & 0x7F)
        sequenceNumber = UInt16(truncatingIfNeeded: word)
        timestamp = packet.bigEndianUInt32(at: 4)
        ssrc = packet.bigEndianUInt32(at: 8)
        var offset = Self.fixedLength + 4 * contributingSourceCount
        guard offset <= count else { return nil }
        if first & 0x10 != 0 {
            guard offset + 4 <= count else { return nil }
            let word = packet.bigEndianUInt32(at: offset)
            extensionProfile = UInt16(word >> 16)
            let length = 4 * Int(word & 0xFFFF)
            offset += 4
            guard offset + length <= count else { return nil }
            extensionBytes = offset..<offset + length
            offset += length
        } else {
            extensionProfile = nil
            extensionBytes = offset..<offset
        }
        headerLength = offset
        var padding = 0
        if first & 0x20 != 0 {
            padding = Int(packet[count - 1])
            guard padding > 0, offset + padding <= count else { return nil }
        }
        payloadLength = count - offset - padding
    }

    /// The payload's bytes in the packet that the header was parsed from.
    @_lifetime(copy packet)
    package func payload(of packet: RawSpan) -> RawSpan {
        guard headerLength + payloadLength <= packet.byteCount else { return packet.extracting(0..<0) }
        return packet.extracting(headerLength..<headerLength + payloadLength)
    }

    /// The data of one header extension element, in the one-byte or the two-byte form; nil when it is not there.
    @_lifetime(copy packet)
    package func element(_ id: UInt8, of packet: RawSpan) -> RawSpan? {
        guard let extensionProfile, id > 0, extensionBytes.upperBound <= packet.byteCount else { return nil }
        let isOneByte = extensionProfile == Self.oneByteProfile
        guard isOneByte || extensionProfile & 0xFFF0 == 0x1000 else { return nil }
        var offset = extensionBytes.lowerBound
        let end = extensionBytes.upperBound
        while offset < end {
            let byte = packet[offset]
            offset += 1
            if byte == 0 { continue }
            let found: UInt8
            let length: Int
            if isOneByte {
                found = byte >> 4
                // 15 ends the list (RFC 8285 section 4.2).
                if found == 15 { return nil }
                length = Int(byte & 0x0F) + 1
            } else {
                guard offset < end else { return nil }
                found = byte
                length = Int(packet[offset])
                offset += 1
            }
            guard offset + length <= end else { return nil }
            if found == id { return packet.extracting(offset..<offset + length) }
            offset += length
        }
        return nil
    }
}
