import EventLoops
import HTTP
import HTTPServer
import Testing

@testable import WebSocket

@Suite("Connections that move to another loop", .timeLimit(.minutes(1)))
struct HandOverTests {
    /// What happens to an upgrade once the bytes of its request have been read.
    private static func afterwards(_ loop: EventLoop, _ body: @escaping () -> Void) {
        EndOfIteration(loop: loop, body: body).request()
    }

    @Test("a connection moves with its request and with what has come behind that")
    func moves() async throws {
        try await TestServer.run { home in
            let targets = Events<String>()
            try await on(home.loop) {
                home.onUpgrade = { request, upgrade in
                    targets.add(request.target)
                    upgrade.accept(Recorder(echoes: true))
                }
            }
            try await TestServer.run { door in
                door.onUpgrade = { _, upgrade in
                    Self.afterwards(door.loop) {
                        guard let connection = upgrade.handOver() else { return }
                        #expect(upgrade.isDecided && !upgrade.isConnected)
                        home.loop.execute { home.server.adopt(connection) }
                    }
                }
            } _: { door in
                let peer = try await RawPeer.connect(to: door)
                try await peer.send(Array(RawPeer.upgradeRequest("/x?y").utf8) + clientFrame(1, Array("hello".utf8)))
                #expect(try await peer.read(upTo: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "))
                #expect(try await peer.read(7) == [0x81, 5] + Array("hello".utf8))
                #expect(try await targets.next() == "/x?y")
                try await peer.send(clientFrame(2, [1, 2, 3]))
                #expect(try await peer.read(5) == [0x82, 3, 1, 2, 3])
                #expect(try await on(door.loop) { door.server.connectionCount } == 0)
                #expect(try await on(home.loop) { home.server.upgradedCount } == 1)
                try await peer.close()
            }
        }
    }

    @Test("a connection that nobody takes is closed")
    func abandoned() async throws {
        try await TestServer.run { door in
            door.onUpgrade = { _, upgrade in
                Self.afterwards(door.loop) { _ = upgrade.handOver() }
            }
        } _: { door in
            let peer = try await RawPeer.connect(to: door)
            try await peer.send(RawPeer.upgradeRequest())
            #expect(try await peer.readToEnd() == [])
        }
    }

    @Test("a server that closes refuses a connection that comes from another loop")
    func tooLate() async throws {
        try await TestServer.run { home in
            try await on(home.loop) { home.server.stopListening() }
            try await TestServer.run { door in
                door.onUpgrade = { _, upgrade in
                    Self.afterwards(door.loop) {
                        guard let connection = upgrade.handOver() else { return }
                        home.loop.execute { home.server.adopt(connection) }
                    }
                }
            } _: { door in
                let peer = try await RawPeer.connect(to: door)
                try await peer.send(RawPeer.upgradeRequest())
                let answer = String(decoding: try await peer.readToEnd(), as: UTF8.self)
                #expect(answer.hasPrefix("HTTP/1.1 503 "))
            }
        }
    }
}
