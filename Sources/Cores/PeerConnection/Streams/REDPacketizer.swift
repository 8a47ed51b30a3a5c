internal import Wire

/// Puts earlier frames in front of the newest (RFC 2198), so that the next packet repairs the loss of this one. Allocates
/// nothing once it runs.
package struct REDPacketizer: Sendable {
    /// Frames that go along at most.
    package static let maximumFrames = 2
    /// The longest payload, in bytes: what fits a datagram on every path together with its headers.
    package static let maximumLength = 1200
    /// What a block's header can say: 10 bits of length, in bytes, and 14 bits of age, in samples.
    package static let maximumBlockLength = 0x3FF
    package static let maximumAge: UInt32 = 0x3FFF

    private struct Frame: Sendable {
        var bytes: [UInt8] = []
        var timestamp: UInt32 = 0
        var samples: UInt32 = 0
    }

    /// The latest frames, newest first; the first `count` are valid.
    private var frames = [Frame](repeating: Frame(), count: REDPacketizer.maximumFrames)
    private var count = 0
    /// What was packed last.
    package private(set) var payload: [UInt8] = []

    package init() {}

    /// Makes the payload for a frame, with up to `redundancy` of those before it. Frames before a pause stay out, and so
    /// does what does not fit.
    ///
    /// - Parameters:
    ///   - timestamp: where the frame begins, in samples at 48 kHz.
    ///   - samples: how long it is.
    /// - Returns: false for a frame that is too long by itself.
    package mutating func pack(
        _ frame: RawSpan, timestamp: UInt32, samples: Int, payloadType: UInt8, redundancy: Int
    ) -> Bool {
        guard frame.byteCount <= Self.maximumLength else { return false }
        let along = framesAlong(frame, timestamp: timestamp, redundancy: redundancy)
        payload.removeAll(keepingCapacity: true)
        for index in stride(from: along - 1, through: 0, by: -1) {
            let age = timestamp &- frames[index].timestamp
            let size = frames[index].bytes.count
            payload.append(0x80 | payloadType)
            payload.append(UInt8(truncatingIfNeeded: age >> 6))
            payload.append(UInt8(truncatingIfNeeded: age << 2) | UInt8(truncatingIfNeeded: size >> 8))
            payload.append(UInt8(truncatingIfNeeded: size))
        }
        payload.append(payloadType)
        for index in stride(from: along - 1, through: 0, by: -1) { payload.append(contentsOf: frames[index].bytes) }
        payload.append(copying: frame)
        keep(frame, timestamp: timestamp, samples: samples)
        return true
    }

    /// How many of the frames before it go along.
    private func framesAlong(_ frame: RawSpan, timestamp: UInt32, redundancy: Int) -> Int {
        var along = 0
        var (length, next) = (1 + frame.byteCount, timestamp)
        while along < min(redundancy, count) {
            let earlier = frames[along]
            guard earlier.timestamp &+ earlier.samples == next, timestamp &- earlier.timestamp <= Self.maximumAge,
                earlier.bytes.count <= Self.maximumBlockLength,
                length + 4 + earlier.bytes.count <= Self.maximumLength
            else { break }
            length += 4 + earlier.bytes.count
            next = earlier.timestamp
            along += 1
        }
        return along
    }

    private mutating func keep(_ frame: RawSpan, timestamp: UInt32, samples: Int) {
        frames.swapAt(0, 1)
        frames[0].bytes.removeAll(keepingCapacity: true)
        frames[0].bytes.append(copying: frame)
        frames[0].timestamp = timestamp
        frames[0].samples = UInt32(truncatingIfNeeded: samples)
        count = min(count + 1, Self.maximumFrames)
    }
}
