import HTTP
import Testing
import Wire

@testable import WebSocket

@Suite("WebSocket client handshake")
struct ClientHandshakeTests {
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let accepted =
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n"
        + "connection: keep-alive, upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    func outcome(_ text: String, stride: Int = .max) throws -> HandshakeResponseParser.Outcome? {
        var parser = HandshakeResponseParser(key: Self.key)
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = stride == .max ? bytes.count : min(bytes.count, start + stride)
            if let outcome = try parser.receive(Array(bytes[start..<end]).span.bytes) { return outcome }
            start = end
        }
        return nil
    }

    @Test("a good answer is accepted in pieces of any size, and not before it is complete")
    func good() throws {
        #expect(try outcome(Self.accepted + "ab") == .accepted(early: Array("ab".utf8)))
        #expect(try outcome(Self.accepted, stride: 1) == .accepted(early: []))
        for count in 0..<Self.accepted.utf8.count {
            #expect(try outcome(String(Self.accepted.utf8.prefix(count)) ?? "") == nil)
        }
    }

    @Test(
        "a refusal yields its status and its body",
        arguments: [
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 13\r\n\r\ninvalid token",
            "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ninvalid\r\n6\r\n token\r\n0\r\n\r\n",
        ])
    func refusal(text: String) throws {
        let expected = HandshakeResponseParser.Outcome.rejected(
            status: 401, reason: "Unauthorized", body: "invalid token")
        #expect(try outcome(text) == expected)
        #expect(try outcome(text, stride: 1) == expected)
    }

    @Test("a refusal whose body ends with the connection is read to the end")
    func refusalWithoutLength() throws {
        var parser = HandshakeResponseParser(key: Self.key)
        let bytes = Array("HTTP/1.0 503 \r\n\r\nlater".utf8)
        #expect(try parser.receive(bytes.span.bytes) == nil)
        #expect(parser.finish() == .rejected(status: 503, reason: "", body: "later"))
    }

    @Test(
        "an answer that is not a handshake is refused",
        arguments: [
            "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 1x1 a\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            accepted.replacing("upgrade: WebSocket", with: "upgrade: h2c"),
            accepted.replacing("keep-alive, upgrade", with: "keep-alive"),
            accepted.replacing("s3pPLM", with: "s3pPLm"),
            accepted.replacing("\r\nupgrade", with: "\r\nSec-WebSocket-Extensions: permessage-deflate\r\nupgrade"),
            accepted.replacing("\r\nupgrade", with: "\r\nSec-WebSocket-Protocol: chat\r\nupgrade"),
            "HTTP/1.1 200 OK\r\na: " + String(repeating: "x", count: 70_000),
        ])
    func bad(text: String) {
        #expect(throws: HandshakeResponseParser.Failure.self) { try outcome(text) }
    }
}

@Suite("WebSocket server handshake")
struct ServerHandshakeTests {
    @Test(
        "the key of an upgrade is 16 bytes in base64, whatever its last digit says beyond them",
        arguments: [
            ("AQIDBAUGBwgJCgsMDQ4PEC==", true), ("dGhlIHNhbXBsZSBub25jZQ==", true), ("dGhlIHNhbXBsZSBub25jZQ", false),
            ("dGhlIHNhbXBsZSBub25j", false), ("dGhlIHNhbXBsZSBub25j!Q==", false),
        ])
    func upgradeKey(key: String, isKey: Bool) throws {
        var headers: HTTPHeaders = [
            "Host": "h", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
        ]
        func complaint() throws -> Int? {
            let request = HTTPRequest(method: .get, target: "/", headers: headers, isHTTP11: true)
            return WebSocketHandshake.complaint(about: try #require(request))?.status
        }
        #expect(try (complaint() == nil) == isKey)
        headers.add("Sec-WebSocket-Version", "8")
        #expect(try complaint() == 400)
    }
}
