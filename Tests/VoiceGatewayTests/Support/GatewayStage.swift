import ClientProtocol
import DevRoomServer
import EventLoops
import HTTP
import Observability
import SecureTransport
import Signalling
import WebSocket
import Wire

@testable import VoiceGateway

/// A gateway, its room server and its clients on one loop, over loopback.
// SAFETY: used on the loop's thread, or by one task at a time.
final class GatewayStage: @unchecked Sendable {
    /// Longest wait for anything.
    static let patience = Duration.seconds(20)

    struct TimedOut: Error, CustomStringConvertible {
        let description: String
    }

    /// A client of `/ws` and what it got. Belongs to the loop.
    // SAFETY: used on the loop's thread, or by one task at a time.
    final class Client: WebSocketHandler, @unchecked Sendable {
        fileprivate(set) var events: [JSONValue] = []
        fileprivate(set) var samples: [Int16] = []
        fileprivate(set) var closure: WebSocketClosure?
        fileprivate var socket: WebSocketConnection?
        fileprivate var speech: (samples: ArraySlice<Int16>, timer: LoopTimer)?
        private let onChange: () -> Void

        init(onChange: @escaping () -> Void) { self.onChange = onChange }

        func types() -> [String] { events.compactMap { $0["type"]?.string } }
        func event(_ type: String) -> JSONValue? { events.first { $0["type"]?.string == type } }

        var isOpen: Bool { socket != nil }

        func webSocketOpened(_ socket: WebSocketConnection) {
            self.socket = socket
            onChange()
        }

        func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
            if let event = try? JSONValue(parsing: [UInt8](copying: text)) { events.append(event) }
            onChange()
        }

        func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
            for index in 0..<bytes.byteCount / 2 {
                samples.append(Int16(bitPattern: bytes.bigEndianUInt16(at: 2 * index).byteSwapped))
            }
            onChange()
        }

        func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
            self.closure = closure
            self.socket = nil
            speech = nil
            onChange()
        }
    }

    let loop: EventLoop
    private let server: DevRoomServer
    private var gatewayLoop: GatewayLoop?
    private var port: UInt16 = 0
    private var clients: [Client] = []
    private var waiting: (condition: () -> Bool, resume: (Bool) -> Void)?
    private var patience: LoopTimer?

    private let access: AccessPolicy
    private let keyWait: Duration

    private init(_ access: AccessPolicy, _ keyWait: Duration) throws {
        self.access = access
        self.keyWait = keyWait
        loop = try EventLoop(name: "gateway")
        var configuration = DevRoomServer.Configuration()
        configuration.port = 0
        configuration.udpPort = 0
        server = DevRoomServer(configuration: configuration, loop: loop, log: .silent)
    }

    /// - Parameters:
    ///   - access: who may connect.
    ///   - keyWait: how long clients may take to send a key.
    static func play(
        access: AccessPolicy = AccessPolicy(), keyWait: Duration = .seconds(20),
        _ act: (GatewayStage) async throws -> Void
    ) async throws {
        let stage = try GatewayStage(access, keyWait)
        try stage.loop.start()
        try await stage.open()
        do {
            try await act(stage)
        } catch {
            await stage.close()
            throw error
        }
        await stage.close()
    }

    private func open() async throws {
        let rooms = try await server.start()
        let authorities = try TLSClientContext(trusting: .system)
        let transports = try OpenSSLTransportFactory()
        try await onLoop { [access, keyWait] in
            let metrics = Metrics()
            var configuration = GatewayConfiguration()
            configuration.agentName = "parrot"
            configuration.access = access
            let current = CurrentConfiguration(configuration)
            let gatewayLoop = GatewayLoop(
                loop: self.loop,
                environment: GatewayEnvironment(
                    current: current,
                    roomServer: HTTPURL(origin: HTTPOrigin(isSecure: false, host: "127.0.0.1", port: rooms.http)),
                    authorities: authorities, transports: transports, log: .silent, metrics: metrics,
                    admission: Admission(current, log: .silent, metrics: metrics, keyWait: keyWait)),
                endpoints: Endpoints.make)
            self.port = try gatewayLoop.listen(at: TransportAddress(ip: .loopbackV4, port: 0)).port
            self.gatewayLoop = gatewayLoop
        }
    }

    private func close() async {
        if gatewayLoop != nil { await drain() }
        await server.stop()
        try? await onLoop {
            self.clients = []
            self.gatewayLoop = nil
            self.patience = nil
        }
        loop.stop()
        await Task.detached { [loop] in _ = loop.join() }.value
    }

    /// What SIGTERM does to the loop.
    func drain() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            loop.execute {
                guard let gatewayLoop = self.gatewayLoop else { return continuation.resume() }
                self.gatewayLoop = nil
                gatewayLoop.drain { continuation.resume() }
            }
        }
    }

    func connect(_ query: String = "") async throws -> Client {
        try await onLoop {
            let client = Client { [unowned self] in check() }
            self.clients.append(client)
            WebSocketClient.connect(
                to: try HTTPURL("ws://127.0.0.1:\(self.port)/ws\(query)"),
                context: WebSocketContext(loop: self.loop), handler: client
            ) { _ in }
            return client
        }
    }

    func send(_ text: String, by client: Client) async throws { try await onLoop { client.socket?.send(text: text) } }

    func send(_ bytes: [UInt8], by client: Client) async throws {
        try await onLoop { client.socket?.send(binary: bytes, .required) }
    }

    /// Ends a client's connection without a word.
    func cut(_ client: Client) async throws { try await onLoop { client.socket?.terminate() } }

    /// Lets a client speak samples of 16 kHz, 20 ms each 20 ms, like a microphone, then be silent.
    func speak(_ samples: [Int16], by client: Client) async throws {
        try await onLoop {
            let timer = LoopTimer(loop: self.loop) { [unowned client] in
                guard let speech = client.speech, let socket = client.socket else { return }
                let frame = Array(speech.samples.prefix(320))
                var bytes: [UInt8] = []
                SampleEncoder.append(frame.span, as: .pcmS16LE, to: &bytes)
                bytes += [UInt8](repeating: 0, count: 640 - bytes.count)
                socket.send(binary: bytes, .required)
                client.speech?.samples = speech.samples.dropFirst(320)
                speech.timer.advance(by: .milliseconds(20))
            }
            client.speech = (samples[...], timer)
            timer.arm(after: .zero)
        }
    }

    // MARK: Waiting

    @discardableResult
    func onLoop<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            loop.execute { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    /// Waits until something is so; looked at whenever a client gets something.
    func until(_ what: String, _ condition: @escaping @Sendable () -> Bool) async throws {
        let isMet = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
            loop.execute {
                self.waiting = (condition, { continuation.resume(returning: $0) })
                if self.patience == nil {
                    self.patience = LoopTimer(loop: self.loop) { [unowned self] in finish(false) }
                }
                self.patience?.arm(after: Self.patience)
                self.check()
            }
        }
        guard isMet else {
            let story = try await onLoop { self.clients.map { "\($0.events)" }.joined(separator: "; ") }
            throw TimedOut(description: "waited in vain for: \(what); so far: \(story)")
        }
    }

    private func check() {
        if let waiting, waiting.condition() { finish(true) }
    }

    private func finish(_ isMet: Bool) {
        let waiting = waiting
        self.waiting = nil
        patience?.cancel()
        waiting?.resume(isMet)
    }
}
