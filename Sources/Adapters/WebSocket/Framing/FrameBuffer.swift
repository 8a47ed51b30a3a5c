internal import Wire

/// The bytes of one frame on their way out: payload with room for the head in front of it.
// SAFETY: the memory has one owner at a time, who gives it back to the pool once.
@safe
package struct FrameBuffer {
    /// The head is written right before the payload, so every buffer begins with room for the longest one.
    package static let headroom = 16

    let storage: UnsafeMutableRawBufferPointer
    /// Where the head begins.
    var start: Int
    /// Where the payload ends.
    var end: Int

    /// The whole frame. Not to be used after the buffer has been given back.
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            // SAFETY: head and payload lie within the storage, which stays until the buffer is given back.
            let span = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }
    package var count: Int { end - start }
}

/// Frame buffers of one loop, used again and again, so that sending costs no allocation in steady state.
///
/// Belongs to the loop's thread.
// SAFETY: it holds only memory that nobody uses.
@safe
package final class FrameBufferPool {
    /// 20 ms of 16-bit mono up to 48 kHz, or a JSON event, fit the first; 60 ms or 32-bit samples the second; 100 ms of
    /// 48 kHz stereo the last. What is larger is allocated when needed and freed when sent.
    private static let sizes = [
        2048 + FrameBuffer.headroom, 8192 + FrameBuffer.headroom, 20_480 + FrameBuffer.headroom,
    ]
    /// How many unused buffers of each size are kept.
    private static let maximumKept = 64

    // SAFETY: a buffer has one owner at a time, and what is read and written lies within it.
    private var free: [[UnsafeMutableRawBufferPointer]] = unsafe [[], [], []]

    package init() {}

    /// How many buffers are out, for tests that look for leaks.
    private(set) var inUse = 0

    deinit {
        // SAFETY: buffers in the free lists belong to nobody else.
        for size in unsafe free.indices {
            while let buffer = unsafe free[size].popLast() { unsafe buffer.deallocate() }
        }
    }

    /// A whole frame.
    ///
    /// - Parameter mask: the masking key of a client; nil for a server.
    package func frame(_ opcode: WebSocketOpcode, payload: RawSpan, mask: UInt32?) -> FrameBuffer {
        // SAFETY: a buffer has one owner at a time, and what is read and written lies within it.
        let storage = unsafe take(FrameBuffer.headroom + payload.byteCount)
        let end = FrameBuffer.headroom + payload.byteCount
        var room = unsafe storage.mutableBytes
        room.set(payload, at: FrameBuffer.headroom)
        if let mask { WebSocketMask.apply(mask, to: &room, FrameBuffer.headroom..<end) }
        let header = WebSocketFrameHeader(opcode: opcode, mask: mask, payloadBytes: payload.byteCount)
        let start = header.write(into: &room, endingAt: FrameBuffer.headroom)
        return unsafe FrameBuffer(storage: storage, start: start, end: end)
    }

    /// The buffer may be used again.
    package func put(_ buffer: FrameBuffer) {
        inUse -= 1
        // SAFETY: a buffer has one owner at a time, and what is read and written lies within it.
        if let size = unsafe Self.sizes.firstIndex(of: buffer.storage.count), unsafe free[size].count < Self.maximumKept
        {
            unsafe free[size].append(buffer.storage)
        } else {
            // SAFETY: the frame has been sent or given up, and nobody else knows its buffer.
            unsafe buffer.storage.deallocate()
        }
    }

    private func take(_ count: Int) -> UnsafeMutableRawBufferPointer {
        inUse += 1
        guard let size = Self.sizes.firstIndex(where: { $0 >= count }) else {
            return .allocate(byteCount: count, alignment: 16)
        }
        // SAFETY: a buffer has one owner at a time, and what is read and written lies within it.
        return unsafe free[size].popLast() ?? .allocate(byteCount: Self.sizes[size], alignment: 16)
    }
}
