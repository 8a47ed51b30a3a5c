import EventLoops
import HTTP
import HTTPServer
import Testing
import Wire

@testable import WebSocket

@Suite("WebSocket client on loopback", .timeLimit(.minutes(1)))
struct WebSocketClientTests {
    @Test("a port where nobody listens is refused")
    func refused() async throws {
        try await TestServer.run { server in
            try await on(server.loop) { server.server.stopListening() }
            await #expect(throws: WebSocketConnectError.network(.connectionRefused)) { try await server.connect() }
        }
    }

    @Test("a server that says nothing is given up")
    func silent() async throws {
        // SAFETY: used on the loop's thread, or by one task at a time.
        nonisolated(unsafe) var held: [WebSocketUpgrade] = []
        try await TestServer.run { server in
            server.onUpgrade = { _, upgrade in unsafe held.append(upgrade) }
        } _: { server in
            var configuration = WebSocketClient.Configuration()
            configuration.connectTimeout = .milliseconds(100)
            await #expect(throws: WebSocketConnectError.timedOut) {
                try await server.connect(configuration: configuration)
            }
            try await on(server.loop) { unsafe held = [] }
        }
    }

    @Test("a name is looked up without holding up the loop, and its addresses are tried in turn")
    func names() async throws {
        try await TestServer.run { server in
            let client = try await server.connect(to: "ws://localhost:\(server.address.port)/")
            try await on(server.loop) { _ = client.socket?.send(text: "hello") }
            #expect(try await client.next() == .text("hello"))
        }
    }

    @Test("a server that does not speak TLS is a TLS failure")
    func notTLS() async throws {
        try await TestServer.run { server in
            await #expect {
                try await server.connect(to: "wss://\(server.address)/")
            } throws: { error in
                if case .tls = error as? WebSocketConnectError { true } else { false }
            }
        }
    }

    @Test("a cancelled attempt is never heard of again")
    func cancelled() async throws {
        try await TestServer.run { server in
            let url = try HTTPURL(server.url)
            let outcome = Events<Bool>()
            try await on(server.loop) {
                for isCancelled in [true, false] {
                    let client = WebSocketClient.connect(
                        to: url, context: server.context, handler: Recorder()
                    ) { _ in outcome.add(isCancelled) }
                    if isCancelled { client.cancel() }
                }
            }
            #expect(try await outcome.next() == false)
        }
    }
}
