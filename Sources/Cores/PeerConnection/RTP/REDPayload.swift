internal import Wire

/// The payload of redundant audio (RFC 2198): older frames in front of the newest, each with its own header.
/// A value over borrowed bytes; nothing is copied.
package struct REDPayload: ~Escapable {
    /// One frame of the payload.
    package struct Block: ~Escapable {
        package let payloadType: UInt8
        /// How far the frame's timestamp lies before the packet's, in samples; 0 for the primary.
        package let timestampOffset: UInt32
        package let bytes: RawSpan

        @_lifetime(copy bytes)
        fileprivate init(payloadType: UInt8, timestampOffset: UInt32, bytes: RawSpan) {
            self.payloadType = payloadType
            self.timestampOffset = timestampOffset
            self.bytes = bytes
        }
    }

    private let payload: RawSpan
    /// Frames before the primary, oldest first.
    package let redundantCount: Int
    private let primaryStart: Int
    private let primaryType: UInt8

    /// The most redundant frames that are looked at.
    package static let maximumRedundantBlocks = 8

    /// Nil when the headers and lengths do not add up.
    @_lifetime(copy payload)
    package init?(_ payload: RawSpan) {
        var offset = 0
        var blocks = 0
        var bytes = 0
        while true {
            guard offset < payload.byteCount else { return nil }
            if payload[offset] & 0x80 == 0 { break }
            guard offset + 4 <= payload.byteCount, blocks < Self.maximumRedundantBlocks else { return nil }
            bytes += Int(payload.bigEndianUInt16(at: offset + 2) & 0x03FF)
            blocks += 1
            offset += 4
        }
        primaryType = payload[offset] & 0x7F
        primaryStart = offset + 1 + bytes
        guard primaryStart <= payload.byteCount else { return nil }
        self.payload = payload
        redundantCount = blocks
    }

    /// The newest frame.
    package var primary: Block {
        @_lifetime(copy self)
        get {
            Block(
                payloadType: primaryType, timestampOffset: 0,
                bytes: payload.extracting(primaryStart..<payload.byteCount))
        }
    }

    /// Redundant frame `index`, 0 being the oldest; nil beyond the last.
    @_lifetime(copy self)
    package func redundant(_ index: Int) -> Block? {
        guard index >= 0, index < redundantCount else { return nil }
        var start = 4 * redundantCount + 1
        for earlier in 0..<index { start += length(earlier) }
        let header = 4 * index
        let timestampOffset = payload.bigEndianUInt32(at: header) >> 10 & 0x3FFF
        return Block(
            payloadType: payload[header] & 0x7F, timestampOffset: timestampOffset,
            bytes: payload.extracting(start..<start + length(index)))
    }

    private func length(_ index: Int) -> Int { Int(payload.bigEndianUInt16(at: 4 * index + 2) & 0x03FF) }
}
