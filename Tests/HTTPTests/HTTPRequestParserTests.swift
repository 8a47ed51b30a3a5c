import HTTP
import Testing
import Wire

@Suite("HTTP request parser")
struct HTTPRequestParserTests {
    static let post = """
        POST /twirp/livekit.RoomService/CreateRoom?a=1&b=%2F+x HTTP/1.1\r
        Host: example.test:7880\r
        authorization:   bearer  abc.def\t\r
        X-API-Key: k\r
        Content-Length: 13\r
        \r
        {"name":"ä"}
        """

    static let chunked =
        "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + "5\r\nhello\r\nA;name=value\r\n 123456789\r\n0\r\nTrailer: x\r\n\r\n"

    func parser(head: Int = 4096, body: Int = 1024) -> HTTPRequestParser {
        HTTPRequestParser(maximumHeadBytes: head, maximumBodyBytes: body)
    }

    func requests(_ text: String, stride: Int = .max) throws(HTTPRequestError) -> [HTTPRequest] {
        var parser = parser()
        var requests: [HTTPRequest] = []
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = stride == .max ? bytes.count : min(bytes.count, start + stride)
            parser.receive(Array(bytes[start..<end]).span.bytes)
            start = end
            while let event = try parser.poll() {
                if case .request(let request) = event { requests.append(request) }
            }
        }
        return requests
    }

    @Test("a request is split into its parts")
    func parts() throws {
        let request = try #require(try requests(Self.post).first)
        #expect(request.method == .post)
        #expect(request.target == "/twirp/livekit.RoomService/CreateRoom?a=1&b=%2F+x")
        #expect(request.path == "/twirp/livekit.RoomService/CreateRoom")
        #expect(request.rawQuery == "a=1&b=%2F+x")
        #expect(request.query["b"] == "/ x")
        #expect(request.query["c"] == nil)
        #expect(request.headers["AUTHORIZATION"] == "bearer  abc.def")
        #expect(request.headers["x-api-key"] == "k")
        #expect(request.bearerToken == "abc.def")
        #expect(String(decoding: request.body, as: UTF8.self) == "{\"name\":\"ä\"}")
    }

    @Test("pieces of any size give the same request", arguments: [1, 2, 3, 7, 64])
    func pieces(stride: Int) throws {
        #expect(try requests(Self.post, stride: stride) == requests(Self.post))
        #expect(try requests(Self.chunked, stride: stride) == requests(Self.chunked))
    }

    @Test("no truncation of a request gives a request or an error", arguments: [post, chunked])
    func truncation(text: String) throws {
        let bytes = Array(text.utf8)
        for count in 0..<bytes.count {
            #expect(try requests(String(decoding: bytes[..<count], as: UTF8.self)).isEmpty)
        }
    }

    @Test("a chunked body is put together")
    func chunkedBody() throws {
        let request = try #require(try requests(Self.chunked).first)
        #expect(String(decoding: request.body, as: UTF8.self) == "hello 123456789")
    }

    @Test("requests that arrive together come one after the other")
    func pipelined() throws {
        let all = try requests("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\n" + Self.post + "GET /3 HTTP/1.0\r\n\r\n")
        #expect(all.map(\.path) == ["/1", "/twirp/livekit.RoomService/CreateRoom", "/3"])
        #expect(all.map(\.isHTTP11) == [true, true, false])
    }

    @Test(
        "what breaks RFC 9112 is refused",
        arguments: [
            "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "GET /\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n folded: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\u{0}\r\n\r\n", "GET /\u{7F} HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET ftp://x HTTP/1.1\r\nHost: h\r\n\r\n", "GET * HTTP/1.1\r\nHost: h\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTX/1.1\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1 2\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;a\rb\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;a\u{0}\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n",
            "GET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\nHost: h", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
            "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n",
        ])
    func malformed(text: String) {
        #expect {
            try requests(text)
        } throws: { error in
            if case .malformed = error as? HTTPRequestError { true } else { false }
        }
    }

    @Test("limits and unknown things have statuses of their own")
    func limits() {
        let head = "GET /\(String(repeating: "a", count: 5000)) HTTP/1.1\r\nHost: h\r\n\r\n"
        #expect(throws: HTTPRequestError.headTooLarge(limit: 4096)) { try requests(head) }
        #expect(throws: HTTPRequestError.headTooLarge(limit: 4096)) { try requests(String(head.prefix(4097))) }
        let many = (0..<200).map { "a\($0): b\r\n" }.joined()
        #expect(throws: HTTPRequestError.headTooLarge(limit: 4096)) {
            try requests("GET / HTTP/1.1\r\nHost: h\r\n\(many)\r\n")
        }
        let body = "POST / HTTP/1.1\r\nHost: h\r\n"
        #expect(throws: HTTPRequestError.bodyTooLarge(limit: 1024)) {
            try requests(body + "Content-Length: 1025\r\n\r\n")
        }
        #expect(throws: HTTPRequestError.bodyTooLarge(limit: 1024)) {
            try requests(body + "Content-Length: 99999999999999999999999\r\n\r\n")
        }
        #expect(throws: HTTPRequestError.bodyTooLarge(limit: 1024)) {
            try requests(body + "Transfer-Encoding: chunked\r\n\r\n401\r\n")
        }
        #expect(throws: HTTPRequestError.unsupportedTransferCoding) {
            try requests(body + "Transfer-Encoding: gzip, chunked\r\n\r\n")
        }
        #expect(throws: HTTPRequestError.unsupportedVersion) { try requests("GET / HTTP/2.0\r\n\r\n") }
    }

    @Test("a target may be a whole URL or, for OPTIONS, an asterisk")
    func targets() throws {
        let absolute = try #require(try requests("GET http://h:1/a%20b?q=1 HTTP/1.1\r\nHost: h\r\n\r\n").first)
        #expect(absolute.path == "/a b")
        #expect(absolute.rawQuery == "q=1")
        #expect(try requests("GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n").first?.path == "/")
        #expect(try requests("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").first?.path == "*")
    }

    @Test("an absolute target may be a WebSocket's, and its host is the one that counts")
    func absoluteForm() throws {
        let request = try #require(try requests("GET ws://real:1/ws?a HTTP/1.1\r\nHost: other\r\n\r\n").first)
        #expect(request.path == "/ws" && request.rawQuery == "a")
        #expect(request.headers.values("Host") == ["real:1"])
    }

    @Test("letters beyond ASCII that a program did not escape are read as they are meant")
    func rawUTF8() throws {
        let request = try #require(try requests("GET /ws?name=Jürgen HTTP/1.1\r\nHost: h\r\n\r\n").first)
        #expect(request.query["name"] == "Jürgen")
    }

    @Test("permission to send a body is a matter of HTTP/1.1")
    func expectation() throws {
        for (version, isExpected) in [("1.0", false), ("1.1", true)] {
            var parser = parser()
            let head = "POST / HTTP/\(version)\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
            parser.receive(Array(head.utf8).span.bytes)
            guard case .head(_, let expectsContinue) = try parser.poll() else {
                _ = Issue.record("no head")
                return
            }
            #expect(expectsContinue == isExpected)
        }
    }

    @Test("a query keeps its order and forgives bad percent signs")
    func query() {
        let query = QueryString("a=1&a=2&&b&c=%zz%4&join_request=AAAA==&x%3D=%26")
        #expect(query.items.map(\.name) == ["a", "a", "b", "c", "join_request", "x="])
        #expect(query.items.map(\.value) == ["1", "2", "", "%zz%4", "AAAA==", "&"])
        // Who gives one twice means the later, for every decision that it makes.
        #expect(query["a"] == "2")
        #expect(query.contains("b"))
    }
}
