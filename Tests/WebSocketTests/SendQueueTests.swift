import Testing
import Wire

@testable import WebSocket

extension FrameBuffer {
    fileprivate var array: [UInt8] { [UInt8](copying: bytes) }
}

extension FrameBufferPool {
    fileprivate func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8], mask: UInt32? = nil) -> FrameBuffer {
        frame(opcode, payload: payload.span.bytes, mask: mask)
    }
}

@Suite("WebSocket send queue")
struct SendQueueTests {
    @Test("frames leave in the order in which they came, whatever their priority")
    func order() {
        let pool = FrameBufferPool()
        var queue = SendQueue()
        for index in 0..<1000 {
            let buffer = pool.frame(.binary, [UInt8(index % 251)])
            queue.append(buffer, index % 3 == 0 ? .required : .droppable)
        }
        #expect(queue.bytes == 3000)
        for index in 0..<1000 {
            #expect(queue.first?.array.last == UInt8(index % 251))
            let buffer = queue.popFirst()
            #expect(buffer?.array.last == UInt8(index % 251))
            if let buffer { pool.put(buffer) }
        }
        #expect(queue.isEmpty && queue.bytes == 0 && pool.inUse == 0)
    }

    @Test("the oldest droppable frame goes first and the rest keep their order")
    func dropping() {
        let pool = FrameBufferPool()
        var queue = SendQueue()
        for (index, priority) in [WebSocketPriority.required, .droppable, .required, .droppable].enumerated() {
            queue.append(pool.frame(.binary, [UInt8(index)]), priority)
        }
        func last(_ buffer: FrameBuffer?) -> UInt8? {
            guard let buffer else { return nil }
            defer { pool.put(buffer) }
            return buffer.array.last
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
            let frame = pool.frame(.text, [byte])
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
            left.append(buffer.array.last)
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
        let first = pool.frame(.text, [UInt8(9)])
        queue.append(first, .required)
        for index in 0..<100_000 {
            if let replaced = queue.takeReplaced("segment") { pool.put(replaced) }
            let frame = pool.frame(.text, [UInt8(index % 251)])
            queue.append(frame, .required, key: "segment")
        }
        #expect(queue.requiredBytes == 2 * 3 && pool.inUse == 2)
        let left = [queue.popFirst(), queue.popFirst(), queue.popFirst()].map { $0?.array.last }
        #expect(left == [9, UInt8(99_999 % 251), nil])
    }

    @Test("frames of a client are masked, those of a server are not")
    func masks() {
        let pool = FrameBufferPool()
        let payload = Array("Hello".utf8)
        let plain = pool.frame(.text, payload)
        #expect(plain.array == [0x81, 0x05] + payload)
        let masked = pool.frame(.text, payload, mask: 0x3D21_FA37)
        #expect(masked.array == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
        pool.put(plain)
        pool.put(masked)
    }

    @Test("a reason that does not fit a close frame is cut between characters")
    func reasons() {
        #expect("fine".closeReason == "fine")
        let cut = String(repeating: "ä", count: 100).closeReason
        #expect(cut == String(repeating: "ä", count: 61))
    }
}
