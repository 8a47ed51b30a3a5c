import Testing

@testable import WebSocket

@Suite("WebSocket send queue")
struct SendQueueTests {
    @Test("frames leave in the order in which they came, whatever their priority")
    func order() {
        let pool = FrameBufferPool()
        var queue = SendQueue()
        for index in 0..<1000 {
            // SAFETY: the memory is used during the call only.
            let buffer = unsafe [UInt8(index % 251)].withUnsafeBytes {
                unsafe pool.frame(.binary, payload: $0, mask: nil)
            }
            queue.append(buffer, index % 3 == 0 ? .required : .droppable)
        }
        #expect(queue.bytes == 3000)
        for index in 0..<1000 {
            unsafe #expect(queue.first?.bytes.last == UInt8(index % 251))
            let buffer = queue.popFirst()
            unsafe #expect(buffer?.bytes.last == UInt8(index % 251))
            if let buffer { pool.put(buffer) }
        }
        #expect(queue.isEmpty && queue.bytes == 0 && pool.inUse == 0)
    }

    @Test("the oldest droppable frame goes first and the rest keep their order")
    func dropping() {
        let pool = FrameBufferPool()
        var queue = SendQueue()
        for (index, priority) in [WebSocketPriority.required, .droppable, .required, .droppable].enumerated() {
            // SAFETY: the memory is used during the call only.
            unsafe queue.append(
                [UInt8(index)].withUnsafeBytes { unsafe pool.frame(.binary, payload: $0, mask: nil) }, priority)
        }
        func last(_ buffer: FrameBuffer?) -> UInt8? {
            guard let buffer else { return nil }
            defer { pool.put(buffer) }
            // SAFETY: the memory is used during the call only.
            return unsafe buffer.bytes.last
        }
        #expect(last(queue.popOldestDroppable()) == 1)
        var rest: [UInt8?] = []
        while !queue.isEmpty { rest.append(last(queue.popFirst())) }
        #expect(rest == [0, 2, 3])
        #expect(pool.inUse == 0)
        #expect(queue.popOldestDroppable() == nil)
    }

    @Test("a frame that replaces another one takes its place at the end; what was sent in between stays in order")
    func replacing() {
        let pool = FrameBufferPool()
        var queue = SendQueue()
        func append(_ byte: UInt8, _ key: String?) {
            if let key, let replaced = queue.takeReplaced(key) { pool.put(replaced) }
            // SAFETY: the bytes are only read during the call.
            let frame = unsafe [byte].withUnsafeBytes { unsafe pool.frame(.text, payload: $0, mask: nil) }
            queue.append(frame, .required, key: key)
        }
        append(1, "a")
        append(2, nil)
        append(3, "b")
        append(4, "a")
        append(5, nil)
        append(6, "b")
        append(7, "a")
        #expect(queue.requiredBytes == 4 * 3)
        var left: [UInt8?] = []
        while let buffer = queue.popFirst() {
            // SAFETY: the bytes are only read, before the buffer goes back.
            left.append(unsafe buffer.bytes.last)
            pool.put(buffer)
        }
        #expect(left == [2, 5, 6, 7] && queue.isEmpty && pool.inUse == 0)
        // What has left cannot be replaced any more.
        #expect(queue.takeReplaced("a") == nil)
    }

    @Test("a hundred thousand versions of one text take the room of one, and the time of so many")
    func manyVersions() {
        let pool = FrameBufferPool()
        var queue = SendQueue()
        // SAFETY: the bytes are only read during the calls.
        let first = unsafe [UInt8(9)].withUnsafeBytes { unsafe pool.frame(.text, payload: $0, mask: nil) }
        queue.append(first, .required)
        for index in 0..<100_000 {
            if let replaced = queue.takeReplaced("segment") { pool.put(replaced) }
            // SAFETY: the bytes are only read during the call.
            let frame = unsafe [UInt8(index % 251)].withUnsafeBytes { unsafe pool.frame(.text, payload: $0, mask: nil) }
            queue.append(frame, .required, key: "segment")
        }
        #expect(queue.requiredBytes == 2 * 3 && pool.inUse == 2)
        // SAFETY: the bytes are only read, while the pool has not got the buffers back.
        let left = [queue.popFirst(), queue.popFirst(), queue.popFirst()].map { unsafe $0?.bytes.last }
        #expect(left == [9, UInt8(99_999 % 251), nil])
    }

    @Test("frames of a client are masked, those of a server are not")
    func masks() {
        let pool = FrameBufferPool()
        let payload = Array("Hello".utf8)
        // SAFETY: the memory is used during the call only.
        let plain = unsafe payload.withUnsafeBytes { unsafe pool.frame(.text, payload: $0, mask: nil) }
        unsafe #expect(Array(plain.bytes) == [0x81, 0x05] + payload)
        let masked = unsafe payload.withUnsafeBytes { unsafe pool.frame(.text, payload: $0, mask: 0x3D21_FA37) }
        unsafe #expect(Array(masked.bytes) == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
        pool.put(plain)
        pool.put(masked)
    }

    @Test("a reason that does not fit a close frame is cut between characters")
    func reasons() {
        #expect(WebSocketConnection.shortened("fine") == "fine")
        let cut = WebSocketConnection.shortened(String(repeating: "ä", count: 100))
        #expect(cut == String(repeating: "ä", count: 61))
    }
}
