import CostTestSupport
import HTTP
import Testing
import Wire

@testable import WebSocket

/// Whatever the network sends, twice as much of it costs twice as much, in bytes copied and allocated.
@Suite("What input costs at the WebSocket port", .enabled(if: Cost.isCounted))
struct CostTests {
    /// A list grows by doubling, so the same input can cost a little more or less by where that happens.
    static let most = 2.3

    /// A kind of input, of any size.
    struct Input: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What is sent, and in pieces of how many bytes it arrives.
        let bytes: @Sendable (Int) -> [UInt8]
        let piece: Int
        let size: Int

        init(_ name: String, size: Int, piece: Int = 65_536, _ bytes: @escaping @Sendable (Int) -> [UInt8]) {
            testDescription = name
            self.bytes = bytes
            self.piece = piece
            self.size = size
        }
    }

    static func repeated(_ part: String, _ count: Int) -> [UInt8] {
        Array(String(repeating: part, count: count).utf8)
    }

    static let post = Array("POST / HTTP/1.1\r\nHost: h\r\n".utf8)
    static let chunked = post + Array("Transfer-Encoding: chunked\r\n\r\n".utf8)

    static let requests = [
        Input("a body in chunks of one byte", size: 20_000) { chunked + repeated("1\r\nx\r\n", $0) },
        Input("chunks of one byte that come one by one", size: 5000, piece: 6) { chunked + repeated("1\r\nx\r\n", $0) },
        Input("a body that comes byte by byte", size: 20_000, piece: 1) {
            post + Array("Content-Length: \($0)\r\n\r\n".utf8) + [UInt8](repeating: 0x78, count: $0)
        },
        Input("a head that comes byte by byte", size: 20_000, piece: 1) { post + repeated("x", $0) },
        Input("header lines that come one by one", size: 50, piece: 7) { post + repeated("X: 1\r\n", $0) + [13, 10] },
        Input("spaces around a header's value", size: 20_000) {
            post + Array("X:".utf8) + repeated(" ", $0) + Array("y".utf8) + repeated(" ", $0) + [13, 10, 13, 10]
        },
        Input("a long query", size: 5000) {
            Array("GET /?".utf8) + repeated("a&", $0) + Array(" HTTP/1.0\r\n\r\n".utf8)
        },
        Input("many requests at once", size: 2000) { repeated("GET / HTTP/1.0\r\n\r\n", $0) },
        Input("many requests, each cut in two", size: 2000, piece: 9) { repeated("GET / HTTP/1.0\r\n\r\n", $0) },
        Input("empty lines before a request", size: 20_000, piece: 100) { repeated("\r\n", $0) },
        Input("trailers that come byte by byte", size: 500, piece: 1) {
            chunked + Array("0\r\n".utf8) + repeated("X: y\r\n", $0)
        },
    ]

    @Test("twice a request costs twice as much", arguments: requests)
    func parseRequests(input: Input) throws {
        let growth = try Cost.growth(
            { (size: Int) throws(HTTPRequestError) in
                let bytes = input.bytes(size)
                var parser = HTTPRequestParser(maximumHeadBytes: 1 << 20, maximumBodyBytes: 1 << 20)
                var start = 0
                while start < bytes.count {
                    let end = min(bytes.count, start + input.piece)
                    parser.receive(bytes.span.extracting(start..<end).bytes)
                    start = end
                    while try parser.poll() != nil || parser.hasMore {}
                }
            }, size: input.size)
        #expect(growth < Self.most)
    }

    static let frames = [
        Input("frames of one byte", size: 20_000) { (0..<$0).flatMap { _ in clientFrame(2, [1]) } },
        Input("a message in frames of one byte", size: 20_000) {
            clientFrame(2, [1], isFinal: false) + (0..<$0).flatMap { _ in clientFrame(0, [1], isFinal: false) }
        },
        Input("a frame that comes byte by byte", size: 20_000, piece: 1) {
            clientFrame(2, [UInt8](repeating: 1, count: $0))
        },
        Input("pings inside a message", size: 10_000) {
            clientFrame(2, [1], isFinal: false) + (0..<$0).flatMap { _ in clientFrame(9, [1]) }
        },
        Input("messages of two frames behind a long one", size: 2000) {
            clientFrame(2, [UInt8](repeating: 1, count: 16_000), isFinal: false) + clientFrame(0, [])
                + (0..<$0).flatMap { _ in clientFrame(2, [1], isFinal: false) + clientFrame(0, [1]) }
        },
        Input("text that comes byte by byte", size: 20_000, piece: 1) {
            clientFrame(1, [UInt8](repeating: 0x61, count: $0))
        },
    ]

    private final class Nobody: MessageReceiverDelegate {
        func received(message: RawSpan, isText: Bool) {}
        func received(ping: RawSpan) {}
        func received(pong: RawSpan) {}
        func received(close code: WebSocketCloseCode, reason: String) {}
        func violated(_ violation: WebSocketViolation) { Issue.record("\(violation)") }
    }

    @Test("twice as many frames cost twice as much", arguments: frames)
    func receiveFrames(input: Input) {
        let growth = Cost.growth(
            { size in
                let bytes = input.bytes(size)
                let receiver = MessageReceiver(role: .server, maximumMessageBytes: 1 << 20)
                let nobody = Nobody()
                var start = 0
                while start < bytes.count {
                    var piece = Array(bytes[start...].prefix(input.piece))
                    start += piece.count
                    var taken = 0
                    while taken < piece.count {
                        taken = piece.withMutableBytes {
                            receiver.receive(
                                &$0, from: taken, atMost: IncomingMessages.maximumFramesAtOnce, to: nobody)
                        }
                    }
                }
            }, size: input.size)
        #expect(growth < Self.most)
    }

    static let answers = [
        Input("interim answers", size: 1000) { repeated("HTTP/1.1 100 Continue\r\n\r\n", $0) },
        Input("a refusal in chunks of one byte", size: 1000) {
            Array("HTTP/1.1 400 x\r\nTransfer-Encoding: chunked\r\n\r\n".utf8) + repeated("1\r\nx\r\n", $0)
        },
        Input("a refusal in chunks that come byte by byte", size: 1000, piece: 1) {
            Array("HTTP/1.1 400 x\r\nTransfer-Encoding: chunked\r\n\r\n".utf8) + repeated("1\r\nx\r\n", $0)
        },
    ]

    @Test("twice an answer to the client's handshake costs twice as much", arguments: answers)
    func parseAnswers(input: Input) throws {
        let growth = try Cost.growth(
            { (size: Int) throws(HandshakeResponseParser.Failure) in
                let bytes = input.bytes(size)
                var parser = HandshakeResponseParser(key: "")
                var start = 0
                while start < bytes.count {
                    let end = min(bytes.count, start + input.piece)
                    _ = try parser.receive(bytes.span.extracting(start..<end).bytes)
                    start = end
                }
            }, size: input.size)
        #expect(growth < Self.most)
    }

    @Test("twice as many frames in a queue cost twice as much, however they leave it", arguments: [true, false])
    func queue(areDropped: Bool) {
        let pool = FrameBufferPool()
        let growth = Cost.growth(
            { size in
                var queue = SendQueue()
                let payload = [UInt8](repeating: 1, count: 10)
                for number in 0..<size {
                    queue.append(
                        pool.frame(.binary, payload: payload.span.bytes, mask: nil),
                        number % 2 == 0 ? .required : .droppable)
                    // A client that reads every third.
                    if number % 3 == 0, let sent = queue.popFirst() { pool.put(sent) }
                }
                while let left = areDropped ? queue.popOldestDroppable() : queue.popFirst() { pool.put(left) }
                while let left = queue.popFirst() { pool.put(left) }
            }, size: 10_000)
        #expect(growth < Self.most)
    }
}
