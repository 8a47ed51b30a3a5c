import EventLoops
import HTTP
import HTTPServer
import TestSupport
import Testing
import Wire

@testable import WebSocket

@Suite("WebSockets on loopback", .timeLimit(.minutes(1)))
struct WebSocketTests {
    @Test("messages of every kind of length come back", arguments: [0, 1, 125, 126, 65_535, 65_536, 1 << 20])
    func echo(count: Int) async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let text = String(repeating: "ä", count: count / 2)
            try await on(server.loop) {
                client.socket?.send(binary: bytes, .required)
                client.socket?.send(text: text)
            }
            #expect(try await client.next() == .binary(bytes))
            #expect(try await client.next() == .text(text))
        }
    }

    @Test("what is sent in one iteration arrives whole and in order")
    func batches() async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            try await on(server.loop) {
                for index in 0..<500 {
                    client.socket?.send(
                        binary: [UInt8](repeating: UInt8(index % 256), count: index),
                        index % 2 == 0 ? .required : .droppable)
                }
            }
            for index in 0..<500 {
                #expect(try await client.next() == .binary([UInt8](repeating: UInt8(index % 256), count: index)))
            }
        }
    }

    @Test("audio leaves at once when nothing waits before it")
    func audioAtOnce() async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            try await on(server.loop) {
                client.socket?.send(binary: [1, 2, 3], .droppable)
                #expect(client.socket?.bufferedBytes == 0)
                client.socket?.send(text: "first")
                client.socket?.send(binary: [4], .droppable)
                // Audio that came later does not overtake.
                #expect((client.socket?.outgoing.droppableBytes ?? 0) > 0)
            }
            #expect(try await client.next() == .binary([1, 2, 3]))
            #expect(try await client.next() == .text("first"))
            #expect(try await client.next() == .binary([4]))
        }
    }

    @Test("the handler sees the request before it answers", arguments: [0, 20_000, 60_000])
    func request(length: Int) async throws {
        let seen = Events<HTTPRequest>()
        try await TestServer.run { server in
            server.onUpgrade = { request, upgrade in
                seen.add(request)
                upgrade.accept(Recorder(echoes: true))
            }
        } _: { server in
            let query = "join_request=\(String(repeating: "A", count: length))==&x=%2F+%zz"
            var configuration = WebSocketClient.Configuration()
            configuration.headers.add("Authorization", "Bearer secret")
            configuration.headers.add("X-API-Key", "key")
            configuration.headers.add("Sec-WebSocket-Key", "ignored")
            _ = try await server.connect("/rtc/v1?" + query, configuration: configuration)
            let request = try await seen.next()
            #expect(request.path == "/rtc/v1")
            #expect(request.rawQuery == query)
            #expect(request.query["x"] == "/ %zz")
            #expect(request.bearerToken == "secret")
            #expect(request.headers["x-api-KEY"] == "key")
            #expect(request.headers["Host"] == "\(server.address)")
            #expect(request.remoteAddress?.ip == .loopbackV4)
        }
    }

    @Test("a refused upgrade yields its status and text", arguments: [400, 401, 404, 503])
    func refusal(status: Int) async throws {
        try await TestServer.run { server in
            server.onUpgrade = { _, upgrade in upgrade.reject(.text(status, "no: \(status)")) }
        } _: { server in
            await #expect(
                throws: WebSocketConnectError.rejected(
                    status: status, reason: HTTPResponse.reasonPhrase(status), body: "no: \(status)")
            ) { try await server.connect() }
            // A plain request on the same path is plain HTTP.
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(HTTPServerTests.request("GET /", "Connection: close\r\n"))
            #expect(String(decoding: try await peer.readToEnd(), as: UTF8.self).hasSuffix("hello"))
        }
    }

    @Test("the decision about an upgrade may come later, and a forgotten one is answered")
    func lateDecision() async throws {
        let waiting = Events<Void>()
        // SAFETY: used on the loop's thread, or by one task at a time.
        nonisolated(unsafe) var held: WebSocketUpgrade?
        try await TestServer.run { server in
            server.onUpgrade = { request, upgrade in
                guard request.path == "/later" else { return }
                unsafe held = upgrade
                waiting.add(())
            }
        } _: { server in
            let peer = try await RawPeer.connect(to: server)
            // The first frame is sent ahead of the answer.
            try await peer.send(Array(RawPeer.upgradeRequest("/later").utf8) + clientFrame(1, [0x61]))
            try await waiting.next()
            try await on(server.loop) {
                unsafe #expect(held?.accept(Recorder(echoes: true)) != nil)
                unsafe #expect(held?.accept(Recorder()) == nil)
                unsafe held = nil
            }
            _ = try await peer.read(upTo: "\r\n\r\n")
            #expect(try await peer.read(3) == [0x81, 1, 0x61])
            try await peer.close()
            await #expect(throws: WebSocketConnectError.self) { try await server.connect("/forgotten") }
        }
    }

    @Test("an offered subprotocol can be agreed upon, another cannot")
    func subprotocols() async throws {
        try await TestServer.run { server in
            server.onUpgrade = { request, upgrade in
                upgrade.accept(Recorder(), subprotocol: String(request.path.dropFirst()))
            }
        } _: { server in
            for (path, expected) in [("/b", true), ("/c", false)] {
                let peer = try await RawPeer.connect(to: server)
                try await peer.send(RawPeer.upgradeRequest(path, extra: "Sec-WebSocket-Protocol: a, b\r\n"))
                let answer = try await peer.read(upTo: "\r\n\r\n")
                #expect(answer.contains("Sec-WebSocket-Protocol: b\r\n") == expected)
                try await peer.close()
            }
        }
    }

    @Test("a client's goodbye reaches the server with code and reason", arguments: [1000, 1001, 3000, 4401, 4999])
    func clientCloses(code: UInt16) async throws {
        let served = Recorder()
        try await TestServer.run { server in
            server.onUpgrade = { _, upgrade in upgrade.accept(served) }
        } _: { server in
            let client = try await server.connect()
            #expect(try await served.next() == .opened)
            let closeCode = WebSocketCloseCode(rawValue: code)
            try await on(server.loop) {
                client.socket?.send(text: "last words")
                client.socket?.close(closeCode, reason: "grüße")
                #expect(client.socket?.send(text: "too late") == false)
            }
            #expect(try await served.next() == .text("last words"))
            #expect(
                try await served.next()
                    == .closed(WebSocketClosure(code: closeCode, reason: "grüße", wasClean: true, wasLocal: false)))
            #expect(
                try await client.next()
                    == .closed(WebSocketClosure(code: closeCode, reason: "grüße", wasClean: true, wasLocal: true)))
        }
    }

    @Test("a server says goodbye after what is queued, even before the client has said a word")
    func serverCloses() async throws {
        try await TestServer.run { server in
            server.onUpgrade = { _, upgrade in
                let socket = upgrade.accept(Recorder())
                socket?.send(binary: [UInt8](repeating: 1, count: 300_000), .required)
                socket?.close(WebSocketCloseCode(rawValue: 4403), reason: "Invalid API key")
            }
        } _: { server in
            let client = try await server.connect()
            #expect(try await client.next() == .binary([UInt8](repeating: 1, count: 300_000)))
            #expect(
                try await client.next()
                    == .closed(
                        WebSocketClosure(
                            code: WebSocketCloseCode(rawValue: 4403), reason: "Invalid API key", wasClean: true,
                            wasLocal: false)))
        }
    }

    @Test("a connection that just ends is reported as 1006, once")
    func abnormal() async throws {
        let served = Recorder()
        try await TestServer.run { server in
            server.onUpgrade = { _, upgrade in upgrade.accept(served) }
        } _: { server in
            let peer = try await RawPeer.upgraded(server)
            #expect(try await served.next() == .opened)
            try await peer.send([0x81])
            try await peer.close()
            guard case .closed(let closure) = try await served.next() else {
                _ = Issue.record("not closed")
                return
            }
            #expect(closure.code == .abnormal && !closure.wasClean && !closure.wasLocal)
        }
    }

    @Test(
        "a peer that breaks the protocol is told why, and nobody else notices",
        arguments: [
            ([0x81, 0x02, 0x68, 0x69], 1002), (clientFrame(1, [0xFF]), 1007),
            ([0x82, 0xFF, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0], 1009), ([0xF0, 0x80], 1002),
        ] as [([UInt8], UInt16)])
    func violation(bytes: [UInt8], code: UInt16) async throws {
        let served = Recorder()
        try await TestServer.run { server in
            server.onUpgrade = { request, upgrade in
                upgrade.accept(request.path == "/bad" ? served : Recorder(echoes: true))
            }
        } _: { server in
            let other = try await server.connect()
            let peer = try await RawPeer.upgraded(server, target: "/bad")
            #expect(try await served.next() == .opened)
            // What follows the offence does not matter and does not keep the explanation from arriving.
            try await peer.send(bytes + [UInt8](repeating: 0x55, count: 100_000))
            let answer = try await peer.readToEnd()
            #expect(answer.first == 0x88)
            #expect(answer.count > 4 && UInt16(answer[2]) << 8 | UInt16(answer[3]) == code)
            guard case .closed(let closure) = try await served.next() else {
                _ = Issue.record("not closed")
                return
            }
            #expect(closure.code.rawValue == code && !closure.wasClean && closure.wasLocal)
            try await on(server.loop) { _ = other.socket?.send(text: "still here") }
            #expect(try await other.next() == .text("still here"))
        }
    }

    @Test("pings are answered with what they carry, a flood of them only with the latest of many")
    func pings() async throws {
        try await TestServer.run { server in
            let peer = try await RawPeer.upgraded(server)
            try await peer.send(clientFrame(9, Array("abc".utf8)))
            #expect(try await peer.read(5) == [0x8A, 3] + Array("abc".utf8))
            try await peer.send((0..<100).flatMap { clientFrame(9, [$0]) } + clientFrame(1, [0x7A]))
            // One pong for all that the server looks at together, the last of them for the last ping.
            var pongs: [UInt8] = []
            while true {
                let frame = try await peer.read(3)
                guard frame.starts(with: [0x8A, 1]) else {
                    #expect(frame == [0x81, 1, 0x7A])
                    break
                }
                pongs.append(frame[2])
            }
            #expect(pongs.last == 99 && pongs.count < 10)
            try await peer.close()
            let client = try await server.connect()
            try await on(server.loop) { client.socket?.ping([1, 2]) }
            #expect(try await client.next() == .pong([1, 2]))
        }
    }

    @Test("a message that does not end in its time ends the connection", arguments: [true, false])
    func messageTimeout(isFragmented: Bool) async throws {
        let configuration = WebSocketConfiguration.with {
            $0.messageTimeout = .milliseconds(50)
            $0.closeTimeout = .milliseconds(50)
        }
        try await TestServer.run(webSocket: configuration) { server in
            let peer = try await RawPeer.upgraded(server)
            let frame = clientFrame(2, [1, 2, 3], isFinal: !isFragmented)
            try await peer.send(isFragmented ? frame : Array(frame.dropLast()))
            let answer = try await peer.readToEnd()
            #expect(answer.first == 0x88)
            #expect(answer.count > 4 && UInt16(answer[2]) << 8 | UInt16(answer[3]) == 1008)
        }
    }

    @Test("what was said before the peer broke the protocol is answered before it is told")
    func echoBeforeViolation() async throws {
        try await TestServer.run { server in
            let peer = try await RawPeer.upgraded(server)
            try await peer.send(clientFrame(1, Array("hello".utf8)) + [0xF0, 0x80])
            let answer = try await peer.readToEnd()
            #expect(answer.starts(with: [0x81, 5] + Array("hello".utf8) + [0x88]))
        }
    }

    @Test("a peer that answers no ping is given up")
    func deadPeer() async throws {
        let served = Recorder()
        let configuration = WebSocketConfiguration.with {
            $0.pingInterval = .milliseconds(30)
            $0.pongTimeout = .milliseconds(30)
        }
        try await TestServer.run(webSocket: configuration) { server in
            server.onUpgrade = { _, upgrade in upgrade.accept(served) }
        } _: { server in
            let peer = try await RawPeer.upgraded(server)
            #expect(try await served.next() == .opened)
            guard case .closed(let closure) = try await served.next() else {
                _ = Issue.record("not closed")
                return
            }
            #expect(closure.code == .abnormal)
            #expect(try await peer.readToEnd() == [0x89, 0])
        }
    }

    @Test("a peer that answers pings stays")
    func livePeer() async throws {
        let configuration = WebSocketConfiguration.with {
            $0.pingInterval = .milliseconds(20)
            $0.pongTimeout = .seconds(20)
        }
        try await TestServer.run(webSocket: configuration) { server in
            let peer = try await RawPeer.upgraded(server)
            for _ in 0..<4 {
                #expect(try await peer.read(2) == [0x89, 0])
                try await peer.send(clientFrame(10, []))
            }
            try await peer.close()
        }
    }

    @Test("ending a connection from within a callback is fine")
    func reentrancy() async throws {
        // SAFETY: used on the loop's thread, or by one task at a time.
        final class Suicidal: WebSocketHandler, @unchecked Sendable {
            let events = Events<WebSocketClosure>()
            func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
                socket.terminate()
            }
            func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
                socket.close()
                socket.terminate()
            }
            func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) { events.add(closure) }
        }
        let handler = Suicidal()
        try await TestServer.run { server in
            server.onUpgrade = { _, upgrade in upgrade.accept(handler) }
        } _: { server in
            for opcode: UInt8 in [1, 2] {
                let peer = try await RawPeer.upgraded(server)
                try await peer.send(clientFrame(opcode, [0x61]) + clientFrame(opcode, [0x62]))
                _ = try await handler.events.next()
                _ = try await peer.readToEnd()
            }
        }
    }

    @Test("many connections, honest and hostile, live side by side")
    func many() async throws {
        try await TestServer.run { server in
            var generator = SplitMix64(seed: 7)
            var clients: [Recorder] = []
            for _ in 0..<40 { clients.append(try await server.connect()) }
            for _ in 0..<60 {
                let peer = try await RawPeer.upgraded(server)
                try await peer.send((0..<500).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
                try await peer.close()
                let rude = try await RawPeer.connect(to: server)
                try await rude.send(
                    (0..<500).map { _ in UInt8(truncatingIfNeeded: generator.next()) } + [13, 10, 13, 10])
                try await rude.close()
            }
            let all = clients
            try await on(server.loop) { for client in all { client.socket?.send(text: "hello") } }
            for client in all { #expect(try await client.next() == .text("hello")) }
            try await on(server.loop) { for client in all { client.socket?.close() } }
            for client in all {
                guard case .closed(let closure) = try await client.next() else {
                    _ = Issue.record("not closed")
                    return
                }
                #expect(closure.wasClean)
            }
        }
    }
}
