import EventLoops
import Foundation
import HTTP
import NetworkTestSupport
import SecureTransport
import Testing
import Wire

@testable import WebSocket

@Suite("WebSockets over TLS", .timeLimit(.minutes(1)))
struct SecureWebSocketTests {
    /// Speaks TLS to one client, agrees to the WebSocket protocol, says "hi", and repeats what it hears.
    // SAFETY: used on the loop's thread, or by one task at a time.
    final class SecureServer: @unchecked Sendable {
        private(set) var listener: TCPListener! = nil
        let tls: TLSTestServer
        private var connection: TCPConnection?
        private var taken = 0
        private var head = ""
        private var isOpen = false
        private let receiver = MessageReceiver(role: .server, maximumMessageBytes: 1 << 20)
        let pool = FrameBufferPool()
        private(set) var serverName: String?

        init(loop: EventLoop, authority: TestAuthority, names: String) throws {
            tls = try TLSTestServer(authority, names: names)
            listener = try TCPListener(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0), isShared: false) {
                [unowned self] descriptor in
                connection = try? TCPConnection(
                    loop: loop, adopting: descriptor,
                    onBytes: { [unowned self] in received([UInt8](copying: $0.bytes)) },
                    onEnd: { [unowned self] _ in connection?.close() })
            }
        }

        private func received(_ bytes: [UInt8]) {
            tls.receive(bytes)
            serverName = tls.serverName ?? serverName
            var fresh = Array(tls.received[taken...])
            taken = tls.received.count
            if isOpen {
                fresh.withMutableBytes { receiver.receive(&$0, to: self) }
            } else {
                head += String(decoding: fresh, as: UTF8.self)
                open()
            }
            connection?.write(tls.take())
        }

        private func open() {
            let mark = "Sec-WebSocket-Key: "
            guard head.hasSuffix("\r\n\r\n"), let start = head.firstRange(of: mark)?.upperBound else { return }
            isOpen = true
            let accept = WebSocketHandshake.accept(for: String(head[start...].prefix(24)))
            let answer =
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(accept)\r\n\r\n"
            tls.send(Array(answer.utf8) + [0x81, 2] + Array("hi".utf8))
        }

        func close() {
            listener.close()
            connection?.close()
        }
    }

    func run(
        names: String, host: String, trusts: Bool,
        _ body: @Sendable (EventLoop, SecureServer, Result<Recorder, WebSocketConnectError>) async throws -> Void
    ) async throws {
        let authority = try TestAuthority()
        let file = try authority.writeFile()
        defer { try? FileManager.default.removeItem(atPath: file) }
        // SAFETY: used on the loop's thread, or by one task at a time.
        nonisolated(unsafe) let shared = authority
        try await withLoop { loop in
            // SAFETY: used on the loop's thread alone.
            nonisolated(unsafe) var server: SecureServer! = nil
            let recorder = Recorder()
            let outcome = Events<WebSocketConnectError?>()
            try await on(loop) {
                unsafe server = try SecureServer(loop: loop, authority: shared, names: names)
                let trust = try TLSClientContext(trusting: trusts ? .file(file) : .system)
                let context = WebSocketContext(loop: loop, trust: trust)
                let url = try HTTPURL(unsafe "wss://\(host):\(server.listener.localAddress.port)/rtc?x=1")
                _ = WebSocketClient.connect(to: url, context: context, handler: recorder) {
                    switch $0 {
                    case .success: outcome.add(nil)
                    case .failure(let error): outcome.add(error)
                    }
                }
            }
            let error = try await outcome.next()
            try await unsafe body(loop, server, error.map { .failure($0) } ?? .success(recorder))
            try await on(loop) {
                recorder.socket?.terminate()
                unsafe server.close()
            }
            if error == nil, case .closed = try await recorder.next() {}
        }
    }

    @Test("a certificate of an authority that is trusted is accepted, and messages go both ways")
    func trusted() async throws {
        try await run(names: "DNS:localhost", host: "localhost", trusts: true) { loop, server, result in
            let client = try result.get()
            #expect(try await client.next() == .opened)
            #expect(try await client.next() == .text("hi"))
            let long = [UInt8](repeating: 0x61, count: 100_000)
            try await on(loop) {
                #expect(server.serverName == "localhost")
                client.socket?.send(binary: long, .required)
            }
            #expect(try await client.next() == .binary(long))
        }
    }

    @Test("an authority that is not trusted is refused")
    func untrusted() async throws {
        try await run(names: "DNS:localhost", host: "localhost", trusts: false) { _, _, result in
            #expect(throws: WebSocketConnectError.self) { try result.get() }
            guard case .failure(.tls(.certificateRejected(let host, _))) = result else {
                _ = Issue.record("not refused for its certificate")
                return
            }
            #expect(host == "localhost")
        }
    }

    @Test("a certificate for another name is refused")
    func otherName() async throws {
        try await run(names: "DNS:example.test", host: "localhost", trusts: true) { _, _, result in
            guard case .failure(.tls(.certificateRejected)) = result else {
                _ = Issue.record("not refused for its certificate")
                return
            }
        }
    }
}

extension SecureWebSocketTests.SecureServer: MessageReceiverDelegate {
    func received(message: RawSpan, isText: Bool) {
        let frame = pool.frame(isText ? .text : .binary, payload: message, mask: nil)
        tls.send([UInt8](copying: frame.bytes))
        pool.put(frame)
    }
    func received(ping: RawSpan) {}
    func received(pong: RawSpan) {}
    func received(close code: WebSocketCloseCode, reason: String) {}
    func violated(_ violation: WebSocketViolation) {}
}
