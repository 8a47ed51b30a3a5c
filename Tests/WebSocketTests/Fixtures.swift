import EventLoops
import HTTP
import HTTPServer
import NetworkTestSupport
import Testing
import Wire

@testable import WebSocket

/// Runs `body` on the loop's thread.
@discardableResult
func on<Value: Sendable>(
    _ loop: EventLoop, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        loop.execute { continuation.resume(with: Result { try body() }) }
    }
}

/// Events in their order, from any thread to one task.
final class Events<Event: Sendable>: Sendable {
    private let stream: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func add(_ event: Event) { continuation.yield(event) }

    func next() async throws -> Event {
        for await event in stream { return event }
        throw CancellationError()
    }
}

extension WebSocketConfiguration {
    /// The usual configuration but for something.
    static func with(_ change: (inout Self) -> Void) -> Self {
        var configuration = Self()
        change(&configuration)
        return configuration
    }
}

/// A handler that writes down what it hears. Everything but `events` belongs to the loop.
// SAFETY: used on the loop's thread, or by one task at a time.
final class Recorder: WebSocketHandler, @unchecked Sendable {
    enum Event: Hashable, Sendable {
        case opened
        case text(String)
        case binary([UInt8])
        case pong([UInt8])
        case closed(WebSocketClosure)
    }

    let events = Events<Event>()
    var socket: WebSocketConnection?
    var echoes = false
    var onDrained: (() -> Void)?

    init(echoes: Bool = false) { self.echoes = echoes }

    func webSocketOpened(_ socket: WebSocketConnection) {
        self.socket = socket
        events.add(.opened)
    }

    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
        if echoes {
            _ = socket.send(utf8: text)
            return
        }
        events.add(.text(String(decoding: [UInt8](copying: text), as: UTF8.self)))
    }

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
        if echoes {
            _ = socket.send(binary: bytes, .required)
            return
        }
        events.add(.binary([UInt8](copying: bytes)))
    }

    func webSocket(_ socket: WebSocketConnection, receivedPong payload: RawSpan) {
        events.add(.pong([UInt8](copying: payload)))
    }

    func webSocketDrained(_ socket: WebSocketConnection) { onDrained?() }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        self.socket = nil
        events.add(.closed(closure))
    }

    func next() async throws -> Event { try await events.next() }
}

/// A server on loopback whose answers a test supplies; used on the loop but for `address`.
// SAFETY: used on the loop's thread, or by one task at a time.
final class TestServer: HTTPHandler, @unchecked Sendable {
    let loop: EventLoop
    private(set) var address = TransportAddress(ip: .loopbackV4, port: 0)
    private(set) var server: HTTPServer! = nil
    private(set) var context: WebSocketContext! = nil
    var onRequest: (HTTPRequest, HTTPResponder) -> Void = { _, responder in responder.respond(.text(200, "hello")) }
    var onUpgrade: (HTTPRequest, WebSocketUpgrade) -> Void = { _, upgrade in upgrade.accept(Recorder(echoes: true)) }

    var bodyLimit: (HTTPRequest) -> Int = { _ in .max }
    private(set) var refused: [HTTPServer.RefusalReason] = []

    private init(loop: EventLoop) { self.loop = loop }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) { onRequest(request, responder) }

    func maximumBodyBytes(for request: HTTPRequest) -> Int { bodyLimit(request) }

    func refusedConnection(_ reason: HTTPServer.RefusalReason) { refused.append(reason) }

    func handleUpgrade(_ request: HTTPRequest, _ upgrade: HTTPUpgrade) {
        if let upgrade = WebSocketUpgrade(upgrade, of: request, context: context) { onUpgrade(request, upgrade) }
    }

    var url: String { "ws://\(address)" }

    static func run(
        configuration: HTTPServer.Configuration = HTTPServer.Configuration(),
        webSocket: WebSocketConfiguration = WebSocketConfiguration(),
        setUp: @escaping @Sendable (TestServer) -> Void = { _ in },
        _ body: @Sendable (TestServer) async throws -> Void
    ) async throws {
        try await withLoop { loop in
            let server = TestServer(loop: loop)
            try await on(loop) {
                server.context = WebSocketContext(loop: loop)
                server.context.serverConfiguration = webSocket
                server.server = HTTPServer(loop: loop, configuration: configuration, handler: server)
                server.address = try server.server.listen(at: TransportAddress(ip: .loopbackV4, port: 0))
                setUp(server)
            }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(server))
            } catch {
                result = .failure(error)
            }
            try await on(loop) { server.server.close() }
            // WebSockets end at the end of an iteration; the time limit of the suite bounds the wait.
            while try await on(loop, { server.server.connectionCount > 0 }) {}
            try await on(loop) { #expect(server.context.pool.inUse == 0) }
            try result.get()
        }
    }

    /// Opens a WebSocket to this server, or to another URL.
    func connect(
        _ target: String = "/", recorder: Recorder = Recorder(), to other: String? = nil,
        configuration: WebSocketClient.Configuration = WebSocketClient.Configuration()
    ) async throws -> Recorder {
        let url = try HTTPURL(other ?? url + target)
        let outcome = Events<WebSocketConnectError?>()
        try await on(loop) { [self] in
            _ = WebSocketClient.connect(to: url, context: context, configuration: configuration, handler: recorder) {
                switch $0 {
                case .success: outcome.add(nil)
                case .failure(let error): outcome.add(error)
                }
            }
        }
        if let error = try await outcome.next() { throw error }
        #expect(try await recorder.next() == .opened)
        return recorder
    }
}

/// A TCP connection that sends what a test wants, however wrong.
// SAFETY: used on the loop's thread, or by one task at a time.
final class RawPeer: @unchecked Sendable {
    private let loop: EventLoop
    private var connection: TCPConnection! = nil
    private let events = Events<[UInt8]?>()
    private var received: [UInt8] = []
    private var hasEnded = false

    private init(loop: EventLoop) { self.loop = loop }

    static func connect(to server: TestServer) async throws -> RawPeer {
        let peer = RawPeer(loop: server.loop)
        let outcome = Events<EventLoopError?>()
        try await on(server.loop) {
            let connection = try TCPConnection(loop: server.loop)
            peer.connection = connection
            connection.onBytes = { peer.events.add([UInt8](copying: $0.bytes)) }
            connection.onEnd = { _ in
                peer.events.add(nil)
                peer.connection.close()
            }
            connection.connect(to: server.address, timeout: .seconds(10)) { result in
                switch result {
                case .success: outcome.add(nil)
                case .failure(let error): outcome.add(error)
                }
            }
        }
        if let error = try await outcome.next() { throw error }
        return peer
    }

    /// A peer that has done the WebSocket handshake.
    static func upgraded(_ server: TestServer, target: String = "/") async throws -> RawPeer {
        let peer = try await connect(to: server)
        try await peer.send(upgradeRequest(target))
        let answer = try await peer.read(upTo: "\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 101 "))
        return peer
    }

    static func upgradeRequest(_ target: String = "/", extra: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(extra)\r\n"
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        try await on(loop) { [self] in _ = connection.write(bytes) }
    }

    func pause() async throws { try await on(loop) { [self] in connection.pauseReading() } }

    func resume() async throws { try await on(loop) { [self] in connection.resumeReading() } }

    /// Ends the half in which this end sends.
    func finish() async throws { try await on(loop) { [self] in connection.shutdown() } }

    func close() async throws { try await on(loop) { [self] in connection.close() } }

    /// Takes what comes until it ends with (or holds) `mark`.
    func read(upTo mark: String) async throws -> String {
        let mark = Array(mark.utf8)
        while true {
            if let end = received.indices.first(where: { received[$0...].starts(with: mark) }) {
                let text = String(decoding: received[..<(end + mark.count)], as: UTF8.self)
                received.removeFirst(end + mark.count)
                return text
            }
            guard try await more() else { throw CancellationError() }
        }
    }

    func read(_ count: Int) async throws -> [UInt8] {
        while received.count < count { guard try await more() else { break } }
        let bytes = Array(received.prefix(count))
        received.removeFirst(bytes.count)
        return bytes
    }

    /// Everything until the peer closes.
    func readToEnd() async throws -> [UInt8] {
        while try await more() {}
        defer { received = [] }
        return received
    }

    private func more() async throws -> Bool {
        guard !hasEnded else { return false }
        guard let bytes = try await events.next() else {
            hasEnded = true
            return false
        }
        received += bytes
        return true
    }
}

/// A client's frame, masked with a fixed key, or deliberately not.
func clientFrame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, isMasked: Bool = true) -> [UInt8] {
    var frame: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
    let flag: UInt8 = isMasked ? 0x80 : 0
    if payload.count < 126 {
        frame.append(flag | UInt8(payload.count))
    } else if payload.count < 65_536 {
        frame += [flag | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    } else {
        frame.append(flag | 127)
        frame += (0..<8).map { UInt8(payload.count >> (56 - 8 * $0) & 0xFF) }
    }
    guard isMasked else { return frame + payload }
    let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
    return frame + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
}
