internal import Wire

/// Writes RTP packets with one-byte header extensions into a caller's buffer, without allocating.
package struct RTPPacketWriter: Sendable {
    package var marker: Bool
    package var payloadType: UInt8
    package var sequenceNumber: UInt16
    package var timestamp: UInt32
    package var ssrc: UInt32

    package init(marker: Bool, payloadType: UInt8, sequenceNumber: UInt16, timestamp: UInt32, ssrc: UInt32) {
        self.marker = marker
        self.payloadType = payloadType
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.ssrc = ssrc
    }

    /// Writes header, extensions and payload. `audioLevel` and `mid` are the extension's negotiated number with its
    /// value; a section id of 1 to 16 bytes fits the one-byte form, others are left out.
    /// Returns the packet's length, nil if the buffer is too small.
    package func write(
        into buffer: inout MutableRawSpan, payload: RawSpan,
        audioLevel: (id: UInt8, level: AudioLevel)? = nil, mid: (id: UInt8, bytes: [UInt8])? = nil
    ) -> Int? {
        let writesMID = mid.map { (1...16).contains($0.bytes.count) && (1...14).contains($0.id) } ?? false
        let writesLevel = audioLevel.map { (1...14).contains($0.id) } ?? false
        let elements = (writesLevel ? 2 : 0) + (writesMID ? 1 + (mid?.bytes.count ?? 0) : 0)
        let padded = (elements + 3) & ~3
        let headerLength = RTPHeader.fixedLength + (elements > 0 ? 4 + padded : 0)
        guard headerLength + payload.byteCount <= buffer.byteCount else { return nil }
        // One store for the first word: each checks its range.
        let flags: UInt32 = (elements > 0 ? 0x9000 : 0x8000) | UInt32(payloadType & 0x7F) | (marker ? 0x80 : 0)
        buffer.setBigEndian(flags << 16 | UInt32(sequenceNumber), at: 0)
        buffer.setBigEndian(timestamp, at: 4)
        buffer.setBigEndian(ssrc, at: 8)
        if elements > 0 {
            var offset = RTPHeader.fixedLength
            buffer.setBigEndian(UInt32(RTPHeader.oneByteProfile) << 16 | UInt32(padded / 4), at: offset)
            offset += 4
            if writesLevel, let audioLevel {
                buffer.set(audioLevel.id << 4, at: offset)
                buffer.set(audioLevel.level.byte, at: offset + 1)
                offset += 2
            }
            if writesMID, let mid {
                buffer.set(mid.id << 4 | UInt8(truncatingIfNeeded: mid.bytes.count - 1), at: offset)
                offset += 1
                for byte in mid.bytes {
                    buffer.set(byte, at: offset)
                    offset += 1
                }
            }
            while offset < headerLength {
                buffer.set(0, at: offset)
                offset += 1
            }
        }
        buffer.set(payload, at: headerLength)
        return headerLength + payload.byteCount
    }
}
