import CostTestSupport
import HTTP
import Testing
import Wire

@testable import HTTPClient

/// Whatever a server answers, twice as much of it costs twice as much, in bytes copied and allocated.
@Suite("What answers cost the HTTP client", .enabled(if: Cost.isCounted))
struct CostTests {
    /// A list grows by doubling, so the same input can cost a little more or less by where that happens.
    static let most = 2.3

    struct Answer: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let part: String
        let piece: Int

        init(_ name: String, head: String = "HTTP/1.1 200 OK\r\n", _ part: String, piece: Int = 65_536) {
            testDescription = name
            self.head = head
            self.part = part
            self.piece = piece
        }
    }

    static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test(
        "twice an HTTP/1.1 answer costs twice as much",
        arguments: [
            Answer("chunks of one byte", head: chunked, "1\r\nx\r\n"),
            Answer("chunks of one byte that come byte by byte", head: chunked, "1\r\nx\r\n", piece: 1),
            Answer(
                "chunks of one byte behind a long header",
                head: chunked.replacing("\r\n\r\n", with: "\r\nX: \(String(repeating: "x", count: 30_000))\r\n\r\n"),
                "1\r\nx\r\n"),
            Answer("a body without a length, byte by byte", head: "HTTP/1.1 200 OK\r\n\r\n", "x", piece: 1),
            Answer("header lines", "X: y\r\n"),
            Answer("interim answers", head: "", "HTTP/1.1 100 x\r\n\r\n"),
        ])
    func http1(answer: Answer) throws {
        let growth = try Cost.growth(
            { (size: Int) throws(HTTPResponseParser.Failure) in
                let bytes = Array((answer.head + String(repeating: answer.part, count: size)).utf8)
                var parser = HTTPResponseParser(isHead: false, maximumBodyBytes: 1 << 20)
                var start = 0
                while start < bytes.count {
                    let end = min(bytes.count, start + answer.piece)
                    try parser.receive(bytes.span.extracting(start..<end).bytes)
                    start = end
                }
            }, size: 2000)
        #expect(growth < Self.most)
    }

    @Test("twice an HTTP/2 answer in frames of one byte costs twice as much")
    func http2() {
        let growth = Cost.growth(
            { size in
                var response = HTTP2Response(maximumBodyBytes: 1 << 20)
                let byte: [UInt8] = [0]
                response.beginFields()
                try? response.receiveField(":status", "200")
                for _ in 0..<size {
                    try? response.receiveData(byte.span.bytes)
                }
            }, size: 20_000)
        #expect(growth < Self.most)
    }
}
