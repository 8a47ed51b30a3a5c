import EventLoops
import HTTPServer
import Testing
import Wire

@testable import WebSocket

@Suite("WebSockets whose reader is slow, on loopback", .timeLimit(.minutes(1)))
struct WebSocketFlowTests {
    @Test("a slow reader loses the oldest audio, and not one required message")
    func slowReader() async throws {
        let served = Recorder()
        let drained = Events<Void>()
        served.onDrained = { drained.add(()) }
        let configuration = WebSocketConfiguration.with { $0.maximumDroppableBytes = 50_000 }
        try await TestServer.run(webSocket: configuration) { server in
            server.onUpgrade = { _, upgrade in upgrade.accept(served) }
        } _: { server in
            let peer = try await RawPeer.upgraded(server)
            #expect(try await served.next() == .opened)
            try await peer.pause()
            let sent = 20_000
            // One after the other, so that the kernel gets its share before the queue fills.
            for start in stride(from: 0, to: sent, by: 100) {
                try await on(server.loop) {
                    for index in start..<start + 100 {
                        let number = [UInt8(index >> 16), UInt8(index >> 8 & 0xFF), UInt8(index & 0xFF)]
                        served.socket?.send(binary: number + [UInt8](repeating: 0, count: 957), .droppable)
                    }
                    served.socket?.send(text: "\(start)")
                }
            }
            let dropped = try await on(server.loop) {
                #expect(served.socket?.bufferedBytes ?? 0 > 0)
                #expect(served.socket?.outgoing.droppableBytes ?? .max <= 50_000)
                return served.socket?.dropped.messages ?? 0
            }
            #expect(dropped > 0 && dropped < sent)
            try await peer.resume()
            var last = -1
            var audio = 0
            var texts: [String] = []
            while audio < sent - dropped || texts.count < sent / 100 {
                let head = try await peer.read(2)
                try #require(head.count == 2)
                if head[0] == 0x81 {
                    texts.append(String(decoding: try await peer.read(Int(head[1])), as: UTF8.self))
                    continue
                }
                _ = try await peer.read(2)
                let frame = try await peer.read(960)
                let number = Int(frame[0]) << 16 | Int(frame[1]) << 8 | Int(frame[2])
                #expect(number > last)
                last = number
                audio += 1
            }
            #expect(last == sent - 1)
            #expect(texts == stride(from: 0, to: sent, by: 100).map { "\($0)" })
            try await drained.next()
            try await peer.close()
        }
    }

    @Test("after an interruption nothing of the old audio is sent")
    func discarding() async throws {
        let served = Recorder()
        try await TestServer.run { server in
            server.onUpgrade = { _, upgrade in upgrade.accept(served) }
        } _: { server in
            let client = try await server.connect()
            #expect(try await served.next() == .opened)
            try await on(server.loop) {
                // Audio waits behind this.
                served.socket?.send(text: "before")
                served.socket?.send(binary: [1, 2, 3], .droppable)
                served.socket?.discardDroppable()
                served.socket?.send(text: "interrupted")
            }
            #expect(try await client.next() == .text("before"))
            #expect(try await client.next() == .text("interrupted"))
        }
    }

    @Test("a reader that takes no required messages is closed with 1013")
    func overflow() async throws {
        let served = Recorder()
        let configuration = WebSocketConfiguration.with {
            $0.maximumRequiredBytes = 100_000
            $0.closeTimeout = .milliseconds(50)
        }
        try await TestServer.run(webSocket: configuration) { server in
            server.onUpgrade = { _, upgrade in upgrade.accept(served) }
        } _: { server in
            let peer = try await RawPeer.upgraded(server)
            #expect(try await served.next() == .opened)
            try await peer.pause()
            var isTaken = true
            while isTaken {
                isTaken = try await on(server.loop) {
                    served.socket?.send(binary: [UInt8](repeating: 0, count: 10_000), .required) ?? false
                }
            }
            guard case .closed(let closure) = try await served.next() else {
                _ = Issue.record("not closed")
                return
            }
            #expect(closure.code == .tryAgainLater)
            try await peer.close()
        }
    }

    @Test("a paused connection hears nothing until it is resumed")
    func paused() async throws {
        let served = Recorder()
        try await TestServer.run { server in
            server.onUpgrade = { _, upgrade in
                upgrade.accept(served)?.pauseReading()
            }
        } _: { server in
            let client = try await server.connect()
            #expect(try await served.next() == .opened)
            try await on(server.loop) { _ = client.socket?.send(text: "one") }
            try await on(server.loop) { served.events.add(.pong([])) }
            #expect(try await served.next() == .pong([]))
            try await on(server.loop) { served.socket?.resumeReading() }
            #expect(try await served.next() == .text("one"))
        }
    }
}
