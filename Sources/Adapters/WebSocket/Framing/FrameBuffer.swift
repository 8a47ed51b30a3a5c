/// The bytes of one frame on their way out: payload with room for the head in front of it.
package struct FrameBuffer {
    /// The head is written right before the payload, so every buffer begins with room for the longest one.
    package static let headroom = 16

    let storage: UnsafeMutableRawBufferPointer
    /// Where the head begins.
    var start: Int
    /// Where the payload ends.
    var end: Int

    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[start..<end]) }
    package var count: Int { end - start }
}

/// Frame buffers of one loop, used again and again, so that sending costs no allocation in steady state.
///
/// Belongs to the loop's thread.
package final class FrameBufferPool {
    /// 20 ms of 16-bit mono up to 48 kHz, or a JSON event, fit the first; 60 ms or 32-bit samples the second; 100 ms of
    /// 48 kHz stereo the last. What is larger is allocated when needed and freed when sent.
    private static let sizes = [
        2048 + FrameBuffer.headroom, 8192 + FrameBuffer.headroom, 20_480 + FrameBuffer.headroom,
    ]
    /// How many unused buffers of each size are kept.
    private static let maximumKept = 64

    private var free: [[UnsafeMutableRawBufferPointer]] = [[], [], []]

    package init() {}

    /// How many buffers are out, for tests that look for leaks.
    private(set) var inUse = 0

    deinit {
        // SAFETY: buffers in the free lists belong to nobody else.
        for list in free { for buffer in list { buffer.deallocate() } }
    }

    /// A whole frame.
    ///
    /// - Parameter mask: the masking key of a client; nil for a server.
    package func frame(_ opcode: WebSocketOpcode, payload: UnsafeRawBufferPointer, mask: UInt32?) -> FrameBuffer {
        let storage = take(FrameBuffer.headroom + payload.count)
        let end = FrameBuffer.headroom + payload.count
        let room = UnsafeMutableRawBufferPointer(rebasing: storage[FrameBuffer.headroom..<end])
        room.copyMemory(from: payload)
        if let mask { WebSocketMask.apply(mask, to: room) }
        let header = WebSocketFrameHeader(opcode: opcode, mask: mask, payloadBytes: payload.count)
        let start = header.write(into: storage, endingAt: FrameBuffer.headroom)
        return FrameBuffer(storage: storage, start: start, end: end)
    }

    /// The buffer may be used again.
    package func put(_ buffer: FrameBuffer) {
        inUse -= 1
        if let size = Self.sizes.firstIndex(of: buffer.storage.count), free[size].count < Self.maximumKept {
            free[size].append(buffer.storage)
        } else {
            // SAFETY: the frame has been sent or given up, and nobody else knows its buffer.
            buffer.storage.deallocate()
        }
    }

    private func take(_ count: Int) -> UnsafeMutableRawBufferPointer {
        inUse += 1
        guard let size = Self.sizes.firstIndex(where: { $0 >= count }) else {
            return .allocate(byteCount: count, alignment: 16)
        }
        return free[size].popLast() ?? .allocate(byteCount: Self.sizes[size], alignment: 16)
    }
}
