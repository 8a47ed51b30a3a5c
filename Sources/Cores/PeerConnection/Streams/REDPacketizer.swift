/// Puts earlier frames in front of the newest (RFC 2198), so that the next packet repairs the loss of this one. Belongs to
/// one sender; allocates nothing once it runs.
// SAFETY: the room for payloads is its own and is freed with it; who gets a payload uses it before the next call.
@safe
package final class REDPacketizer {
    /// Frames that go along at most.
    package static let maximumFrames = 2
    /// The longest payload, in bytes: what fits a datagram on every path together with its headers.
    package static let maximumLength = 1200
    /// What a block's header can say: 10 bits of length, in bytes, and 14 bits of age, in samples.
    package static let maximumBlockLength = 0x3FF
    package static let maximumAge: UInt32 = 0x3FFF

    private struct Frame {
        var bytes: [UInt8] = []
        var timestamp: UInt32 = 0
        var samples: UInt32 = 0
    }

    /// The latest frames, newest first; the first `count` are valid.
    private var frames = [Frame](repeating: Frame(), count: REDPacketizer.maximumFrames)
    private var count = 0
    package init() {}

    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: REDPacketizer.maximumLength + 1, alignment: 16)

    // SAFETY: nobody keeps a payload.
    deinit { unsafe room.deallocate() }

    /// The payload for a frame, with up to `redundancy` of those before it. Frames before a pause stay out, and so does
    /// what does not fit.
    ///
    /// - Parameters:
    ///   - timestamp: where the frame begins, in samples at 48 kHz.
    ///   - samples: how long it is.
    /// - Returns: nil for a frame that is too long by itself.
    package func payload(
        for frame: UnsafeRawBufferPointer, timestamp: UInt32, samples: Int, payloadType: UInt8, redundancy: Int
    ) -> UnsafeRawBufferPointer? {
        guard frame.count < room.count else { return nil }
        var wanted = 0
        var (length, next) = (1 + frame.count, timestamp)
        while wanted < min(redundancy, count) {
            let earlier = frames[wanted]
            guard earlier.timestamp &+ earlier.samples == next, timestamp &- earlier.timestamp <= Self.maximumAge,
                earlier.bytes.count <= Self.maximumBlockLength,
                length + 4 + earlier.bytes.count <= Self.maximumLength
            else { break }
            length += 4 + earlier.bytes.count
            next = earlier.timestamp
            wanted += 1
        }
        // SAFETY: all that is written was counted above.
        var (header, body) = (0, 4 * wanted + 1)
        for index in stride(from: wanted - 1, through: 0, by: -1) {
            let age = timestamp &- frames[index].timestamp
            let size = frames[index].bytes.count
            unsafe room[header] = 0x80 | payloadType
            unsafe room.setBigEndian(UInt16(truncatingIfNeeded: age << 2) | UInt16(size >> 8), at: header + 1)
            unsafe room[header + 3] = UInt8(truncatingIfNeeded: size)
            header += 4
            unsafe frames[index].bytes.withUnsafeBytes { bytes in
                unsafe UnsafeMutableRawBufferPointer(rebasing: room[body..<body + size]).copyMemory(from: bytes)
            }
            body += size
        }
        unsafe room[header] = payloadType
        unsafe UnsafeMutableRawBufferPointer(rebasing: room[body..<body + frame.count]).copyMemory(from: frame)
        keep(frame, timestamp: timestamp, samples: samples)
        return unsafe UnsafeRawBufferPointer(rebasing: room[..<(body + frame.count)])
    }

    private func keep(_ frame: UnsafeRawBufferPointer, timestamp: UInt32, samples: Int) {
        frames.swapAt(0, 1)
        frames[0].bytes.removeAll(keepingCapacity: true)
        unsafe frames[0].bytes.append(contentsOf: frame)
        frames[0].timestamp = timestamp
        frames[0].samples = UInt32(truncatingIfNeeded: samples)
        count = min(count + 1, Self.maximumFrames)
    }
}
