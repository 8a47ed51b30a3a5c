import Testing
import Wire

@testable import HTTP

/// A long input with a short name for the test log.
struct Named: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String

    init(_ name: String, _ text: String) {
        testDescription = name
        self.text = text
    }
}

@Suite("HTTP response parser")
struct HTTPResponseParserTests {
    typealias Failure = HTTPResponseParser.Failure

    /// Parses `text` cut into pieces of `step` bytes.
    static func parse(
        _ text: String, step: Int = .max, isHead: Bool = false, maximumBodyBytes: Int = 1000, thenEnd: Bool = false
    ) throws(Failure) -> HTTPResponseParser {
        var parser = HTTPResponseParser(isHead: isHead, maximumBodyBytes: maximumBodyBytes)
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + min(step, bytes.count))
            try parser.receive(Array(bytes[start..<end]).span.bytes)
            start = end
        }
        if thenEnd { try parser.receiveEnd() }
        return parser
    }

    static let plain = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
    static let chunked =
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nX: a\r\nx: b\r\n\r\n"
        + "3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
    static let interim =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    @Test("a response is the same however it is cut", arguments: [plain, chunked, interim])
    func cuts(text: String) throws {
        let whole = try Self.parse(text)
        #expect(whole.isComplete && whole.keepsAlive && !whole.hasExcess)
        for step in 1...text.utf8.count {
            let parser = try Self.parse(text, step: step)
            #expect(parser.completed == whole.completed)
        }
    }

    @Test("a response that is cut off is truncated, wherever", arguments: [plain, chunked, interim])
    func truncations(text: String) throws {
        for length in 0..<text.utf8.count {
            #expect(throws: Failure.truncated) {
                try Self.parse(String(decoding: text.utf8.prefix(length), as: UTF8.self), thenEnd: true)
            }
        }
    }

    @Test("status, headers and body come out")
    func content() throws {
        let response = try Self.parse(Self.chunked).completed
        #expect(response?.status == 201)
        #expect(response?.text == "hello")
        #expect(response?.headers.values("X") == ["a", "b"])
        #expect(response?.headers["transfer-ENCODING"] == "chunked")
        let final = try Self.parse(Self.interim).completed
        #expect(final?.status == 404)
    }

    @Test("without a length, the end of the connection ends the body")
    func untilEnd() throws {
        let parser = try Self.parse("HTTP/1.0 200 OK\r\n\r\nall of it", thenEnd: true)
        #expect(parser.completed?.text == "all of it")
        #expect(!parser.keepsAlive)
    }

    @Test(
        "answers that have no body need no length",
        arguments: [
            ("HTTP/1.1 204 No Content\r\n\r\n", false),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", true),
        ])
    func noBody(text: String, isHead: Bool) throws {
        let parser = try Self.parse(text, isHead: isHead)
        #expect(parser.isComplete)
    }

    @Test(
        "the connection is kept when its version's rules allow it",
        arguments: [
            ("HTTP/1.1 200 OK\r\n", true), ("HTTP/1.1 200 OK\r\nConnection: x, Close\r\n", false),
            ("HTTP/1.0 200 OK\r\n", false), ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", true),
        ])
    func keepAlive(head: String, isKept: Bool) throws {
        let parser = try Self.parse(head + "Content-Length: 0\r\n\r\n")
        #expect(parser.keepsAlive == isKept)
    }

    @Test("bytes after the response are noticed")
    func excess() throws {
        let parser = try Self.parse(Self.plain + "x")
        #expect(parser.hasExcess)
    }

    @Test(
        "what is not a clear HTTP/1 response is refused",
        arguments: [
            "HTTP/2 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA B: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: x\r\n folded\r\n\r\n", "HTTP/1.1 200 OK\r\nA: x\ry\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: \u{0}\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 1\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        ])
    func malformed(text: String) {
        for step in [1, 7, Int.max] {
            do throws(Failure) {
                let parser = try Self.parse(text, step: step)
                Issue.record("accepted: \(String(describing: parser.completed))")
            } catch {
                if case .malformed = error { continue }
                Issue.record("\(error)")
            }
        }
    }

    @Test("a chunk size that never ends is refused")
    func endlessChunkSize() {
        #expect(throws: Failure.malformed("an endless chunk size")) {
            try Self.parse(Self.chunksFollow + String(repeating: "0", count: 2000))
        }
    }

    static let chunksFollow = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test(
        "an endless head stops at the limit",
        arguments: [
            Named("headers", "HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: 20_000)),
            Named("a line", String(repeating: "x", count: 70_000)),
            Named("interim responses", String(repeating: "HTTP/1.1 100 C\r\n\r\n", count: 5000)),
            Named("trailers", chunksFollow + "0\r\n" + String(repeating: "A: b\r\n", count: 20_000)),
        ])
    func headLimit(input: Named) {
        #expect(throws: Failure.tooLarge(maximumBytes: HTTPResponseParser.maximumHeadBytes)) {
            try Self.parse(input.text)
        }
    }

    @Test(
        "an endless body stops at the limit",
        arguments: [
            Named("announced", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"),
            Named("unannounced", "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 1001)),
            Named("one chunk", chunksFollow + "3e9\r\n"),
            Named(
                "many chunks",
                chunksFollow + String(repeating: "64\r\n" + String(repeating: "x", count: 100) + "\r\n", count: 11)),
        ])
    func bodyLimit(input: Named) {
        #expect(throws: Failure.tooLarge(maximumBytes: 1000)) { try Self.parse(input.text) }
    }
}
