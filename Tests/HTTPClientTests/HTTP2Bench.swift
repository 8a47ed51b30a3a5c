import EventLoops
import HTTP
import HTTPClient
import NetworkTestSupport
import SecureTransport
import Wire

/// An HTTP/2 server and a client on one loop, in an actor whose executor the loop is.
actor HTTP2Bench: LoopBench {
    typealias Frame = ScriptedHTTP2Server.Frame
    typealias Answer = ScriptedHTTP2Server.Answer

    let loop: EventLoop
    private(set) var server: ScriptedHTTP2Server! = nil
    private var client: HTTPClient! = nil

    init(loop: EventLoop) { self.loop = loop }

    // SAFETY: the memory is used during the call only.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    func open(
        isTrusted: Bool = true, greeting: [UInt8] = HTTP2Frame.settings(), protocols: [String] = ["h2", "http/1.1"],
        limits: HTTPClient.Limits = HTTPClient.Limits(), answer: @escaping @Sendable (Frame) -> Answer
    ) throws {
        let authority = try TestAuthority()
        server = try ScriptedHTTP2Server(
            loop: loop, authority: authority, greeting: greeting, protocols: protocols, answer: answer)
        let trusted: TLSClientContext.Authorities = isTrusted ? .file(try authority.writeFile()) : .system
        client = HTTPClient(loop: loop, authorities: try TLSClientContext(trusting: trusted), limits: limits)
    }

    func close() {
        client?.close()
        server?.close()
    }

    func closeClient() { client.close() }

    func get(_ path: String = "/", timeout: Duration = .seconds(20)) async throws(HTTPClientError) -> HTTPResponse {
        try await client.send(HTTPClientRequest("GET", server.url + path), timeout: timeout)
    }

    func post(_ path: String = "/", _ body: [UInt8] = [1]) async throws(HTTPClientError) -> HTTPResponse {
        try await client.send(HTTPClientRequest("POST", server.url + path, body: body), timeout: .seconds(20))
    }

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPResponse {
        try await client.send(request, timeout: .seconds(20))
    }

    func failure(_ method: String = "GET", timeout: Duration = .seconds(20)) async -> HTTPClientError? {
        do throws(HTTPClientError) {
            _ = try await client.send(HTTPClientRequest(method, server.url), timeout: timeout)
            return nil
        } catch {
            return error
        }
    }

    /// Texts of the answers to that many calls at a time, by their path.
    nonisolated func gather(_ count: Int, method: String = "GET") async throws -> [String: String] {
        let url = await url
        return try await withThrowingTaskGroup(of: (String, String).self) { group in
            for number in 0..<count {
                group.addTask {
                    let answer = try await self.send(HTTPClientRequest(method, "\(url)/\(number)"))
                    return ("/\(number)", answer.text)
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    var url: String { server.url }
    var frames: [Frame] { server.frames }
    var requests: [Frame] { server.frames.filter { $0.kind == .headers || $0.kind == nil } }
    var resets: [Frame] { server.frames.filter { $0.kind == .resetStream } }
    var goodbyes: [Frame] { server.frames.filter { $0.kind == .goAway } }
    var log: [String] { server.log }
    var connections: (made: Int, open: Int) { server.connections }
    var openConnections: Int { client.openConnections }

    func forgetLog() { server.forgetLog() }
    func act(_ answer: Answer, on connection: Int = 0) { server.act(answer, on: connection) }
    func stopListening() { server.listener.close() }
    func origin() throws(HTTPURL.Failure) -> HTTPOrigin { try HTTPURL(server.url).origin }

    /// Does something on the loop, where scripts run.
    func perform<Result: Sendable>(_ body: @Sendable (isolated HTTP2Bench) -> Result) -> Result { body(self) }

    /// Waits until the server has seen something.
    nonisolated func until(_ condition: @Sendable (isolated HTTP2Bench) -> Bool) async {
        while await !condition(self) { await Task.yield() }
    }
}

/// Something that a script keeps in mind. Only the loop's thread uses it.
final class Memory<Value>: @unchecked Sendable {
    // SAFETY: scripts run on the loop's thread alone, one at a time.
    nonisolated(unsafe) var value: Value

    // SAFETY: the memory is used during the call only.
    init(_ value: Value) { unsafe self.value = value }
}
