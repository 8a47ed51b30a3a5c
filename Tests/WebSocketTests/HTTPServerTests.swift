import EventLoops
import HTTP
import HTTPServer
import Testing

@testable import WebSocket

@Suite("HTTP server on loopback", .timeLimit(.minutes(1)))
struct HTTPServerTests {
    static func request(_ line: String, _ fields: String = "", body: String = "") -> String {
        "\(line) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n\(body)"
    }

    @Test("requests on one connection are answered one after the other")
    func keepAlive() async throws {
        try await TestServer.run { server in
            server.onRequest = { request, responder in
                responder.respond(.text(200, "\(request.method.rawValue) \(request.path)"))
            }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            // Two at once, then one more.
            try await peer.send(Self.request("GET /a") + Self.request("DELETE /b"))
            let first = try await peer.read(upTo: "GET /a")
            #expect(first.contains("HTTP/1.1 200 OK\r\n"))
            #expect(first.contains("\r\nContent-Length: 6\r\n"))
            _ = try await peer.read(upTo: "DELETE /b")
            try await peer.send(Self.request("OPTIONS /c", "Connection: close\r\n"))
            let last = try await peer.read(upTo: "OPTIONS /c")
            #expect(last.contains("Connection: close\r\n"))
            #expect(try await peer.readToEnd() == [])
        }
    }

    @Test("HEAD gets the fields of GET and no body")
    func head() async throws {
        try await TestServer.run { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(Self.request("HEAD /", "Connection: close\r\n"))
            let answer = String(decoding: try await peer.readToEnd(), as: UTF8.self)
            #expect(answer.contains("Content-Length: 5\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n"))
        }
    }

    @Test("the answer may come later, and what was sent ahead waits for it")
    func later() async throws {
        let waiting = Events<Void>()
        // SAFETY: used on the loop's thread, or by one task at a time.
        nonisolated(unsafe) var held: HTTPResponder?
        try await TestServer.run { server in
            server.onRequest = { _, responder in
                unsafe held = responder
                waiting.add(())
            }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(Self.request("GET /1") + Self.request("GET /2"))
            try await waiting.next()
            try await on(server.loop) {
                unsafe #expect(held?.isConnected == true)
                unsafe held?.respond(.text(201, "one"))
            }
            _ = try await peer.read(upTo: "one")
            try await waiting.next()
            try await on(server.loop) {
                unsafe held?.respond(.text(202, "two"))
                unsafe held?.respond(.text(500, "never"))
                unsafe held = nil
            }
            #expect(try await peer.read(upTo: "two").contains("202"))
            try await peer.close()
        }
    }

    @Test("no request is taken while an answer waits for its client, and none of the answers is lost")
    func pipelinedUnread() async throws {
        let answer = HTTPResponse.text(200, String(repeating: "x", count: 100_000))
        let handled = Locked(0)
        try await TestServer.run { server in
            server.onRequest = { _, responder in
                handled.withLock { $0 += 1 }
                responder.respond(answer)
            }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.pause()
            let count = 200
            try await peer.send(String(repeating: Self.request("GET /"), count: count))
            // Another client is served meanwhile, and by then this one has been looked at.
            let other = try await RawPeer.connect(to: server)
            for _ in 0..<3 {
                try await other.send(Self.request("HEAD /"))
                _ = try await other.read(upTo: "\r\n\r\n")
            }
            try await other.close()
            // The two ends of the connection hold some answers, and the server one more.
            #expect(handled.withLock { $0 } < count)
            try await peer.resume()
            var one: [UInt8] = []
            answer.write(to: &one, isHead: false, keepsAlive: true)
            #expect(try await peer.read(count * one.count).count == count * one.count)
            #expect(handled.withLock { $0 } == count + 3)
            try await peer.close()
        }
    }

    @Test("a client that ends its half behind several requests gets all answers")
    func pipelinedHalfClose() async throws {
        try await TestServer.run { server in
            server.onRequest = { request, responder in responder.respond(.text(200, request.path)) }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(Self.request("GET /a") + Self.request("GET /b") + Self.request("GET /c"))
            try await peer.finish()
            let answers = String(decoding: try await peer.readToEnd(), as: UTF8.self)
            #expect(answers.contains("/a") && answers.contains("/b") && answers.contains("/c"))
        }
    }

    @Test(
        "who may send less is told so as soon as it shows",
        arguments: [
            request("POST /small", "Content-Length: 11\r\n"),
            request("POST /small", "Content-Length: 11\r\nExpect: 100-continue\r\n"),
            request("POST /small", "Transfer-Encoding: chunked\r\n") + "9\r\n123456789\r\n2\r\n",
        ])
    func bodyLimit(text: String) async throws {
        try await TestServer.run { server in
            server.bodyLimit = { $0.path == "/small" ? 10 : .max }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(Self.request("POST /large", "Content-Length: 11\r\n", body: "12345678901"))
            _ = try await peer.read(upTo: "hello")
            try await peer.send(text)
            let answer = String(decoding: try await peer.readToEnd(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 413 ") && answer.contains("larger than 10 bytes"))
        }
    }

    @Test("a handler that forgets its request does not leave the client waiting")
    func forgotten() async throws {
        try await TestServer.run { server in
            server.onRequest = { _, _ in }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(Self.request("GET /"))
            #expect(try await peer.read(upTo: "answered.\n").hasPrefix("HTTP/1.1 500 "))
            try await peer.close()
        }
    }

    @Test("a handler sees that the client has gone")
    func gone() async throws {
        let waiting = Events<Void>()
        // SAFETY: used on the loop's thread, or by one task at a time.
        nonisolated(unsafe) var held: HTTPResponder?
        try await TestServer.run { server in
            server.onRequest = { _, responder in
                unsafe held = responder
                waiting.add(())
            }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(Self.request("GET /"))
            try await waiting.next()
            try await peer.close()
            // The end of the connection reaches the server in an iteration of its own.
            while try await on(server.loop, { unsafe held?.isConnected == true }) {}
            try await on(server.loop) {
                unsafe held?.respond(.text(200, "too late"))
                unsafe held = nil
            }
        }
    }

    @Test("bodies arrive whole, with a length, in chunks, and after permission")
    func bodies() async throws {
        try await TestServer.run { server in
            server.onRequest = { request, responder in
                responder.respond(.json(200, "[\(request.body.count)]"))
            }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            let body = String(repeating: "x", count: 200_000)
            try await peer.send(Self.request("POST /", "Content-Length: 200000\r\n", body: body))
            _ = try await peer.read(upTo: "[200000]")
            try await peer.send(
                Self.request("POST /", "Transfer-Encoding: chunked\r\n", body: "3\r\nabc\r\n0\r\n\r\n"))
            _ = try await peer.read(upTo: "[3]")
            try await peer.send(Self.request("POST /", "Content-Length: 2\r\nExpect: 100-continue\r\n"))
            #expect(try await peer.read(upTo: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await peer.send("{}")
            _ = try await peer.read(upTo: "[2]")
            try await peer.close()
        }
    }

    @Test(
        "a request that cannot be served is told why, and its connection ends",
        arguments: [
            (request("POST /", "Content-Length: 5000000\r\n"), 413), ("nonsense\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/3.0\r\n\r\n", 505),
            (request("GET /", "X: " + String(repeating: "y", count: 70_000) + "\r\n"), 431),
            (request("POST /", "Transfer-Encoding: gzip\r\n"), 501),
            (
                RawPeer.upgradeRequest().replacing("Version: 13", with: "Version: 8"), 426
            ), (RawPeer.upgradeRequest().replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "short"), 400),
            (RawPeer.upgradeRequest(extra: "Content-Length: 2\r\n") + "{}", 400),
        ])
    func refused(text: String, status: Int) async throws {
        try await TestServer.run { server in
            let peer = try await RawPeer.connect(to: server)
            let other = try await server.connect()
            try await peer.send(text)
            let answer = String(decoding: try await peer.readToEnd(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
            #expect(answer.contains("Connection: close\r\n"))
            // Nobody else notices.
            try await on(server.loop) { _ = other.socket?.send(text: "still here") }
            #expect(try await other.next() == .text("still here"))
        }
    }

    @Test("a request that trickles in is given up")
    func slow() async throws {
        var configuration = HTTPServer.Configuration()
        configuration.headTimeout = .milliseconds(50)
        configuration.bodyTimeout = .milliseconds(50)
        try await TestServer.run(configuration: configuration) { server in
            let head = try await RawPeer.connect(to: server)
            try await head.send("GET / HTTP/1.1\r\nHos")
            #expect(String(decoding: try await head.readToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 408 "))
            let body = try await RawPeer.connect(to: server)
            try await body.send(Self.request("POST /", "Content-Length: 9\r\n", body: "abc"))
            #expect(String(decoding: try await body.readToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("a connection that says nothing is closed without a word")
    func silent() async throws {
        var configuration = HTTPServer.Configuration()
        configuration.idleTimeout = .milliseconds(50)
        try await TestServer.run(configuration: configuration) { server in
            let silent = try await RawPeer.connect(to: server)
            #expect(try await silent.readToEnd() == [])
        }
    }

    @Test("beyond the limit a connection is told 503")
    func tooMany() async throws {
        var configuration = HTTPServer.Configuration()
        configuration.maximumConnections = 1
        try await TestServer.run(configuration: configuration) { server in
            let first = try await server.connect()
            let second = try await RawPeer.connect(to: server)
            #expect(String(decoding: try await second.readToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 503 "))
            #expect(try await on(server.loop) { server.refused } == [.tooManyConnections])
            try await on(server.loop) { _ = first.socket?.send(text: "fine") }
            #expect(try await first.next() == .text("fine"))
        }
    }

    @Test("no header value can smuggle in a line of its own")
    func injection() async throws {
        try await TestServer.run { server in
            server.onRequest = { _, responder in
                var response = HTTPResponse.text(200, "")
                response.headers.add("X-Room", "a\r\nSet-Cookie: b")
                response.headers.add("Bad Name", "c")
                responder.respond(response)
            }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(Self.request("GET /", "Connection: close\r\n"))
            let answer = String(decoding: try await peer.readToEnd(), as: UTF8.self)
            #expect(answer.contains("X-Room: a  Set-Cookie: b\r\n"))
            #expect(!answer.contains("Bad"))
        }
    }
}
