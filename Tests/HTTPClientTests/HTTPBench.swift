import EventLoops
import HTTP
import HTTPClient
import NetworkTestSupport
import SecureTransport
import Wire

extension HTTPClientRequest {
    /// A request as tests write it; the URL is one.
    init(_ method: String, _ url: String, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        guard let url = try? HTTPURL(url) else { preconditionFailure("\(url) is no URL") }
        self.init(HTTPMethod(rawValue: method), url, headers: headers, body: body)
    }
}

/// A server and a client on one loop, in an actor whose executor the loop is.
actor HTTPBench: LoopBench {
    let loop: EventLoop
    private var server: ScriptedServer! = nil
    private var client: HTTPClient! = nil

    init(loop: EventLoop) { self.loop = loop }

    // SAFETY: the memory is used during the call only.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// - Parameter isSecure: the server speaks TLS, with a certificate of an authority of its own.
    /// - Parameter isTrusted: the client knows that authority; otherwise those of the system.
    func open(
        isSecure: Bool = false, isTrusted: Bool = false, limits: HTTPClient.Limits = HTTPClient.Limits(),
        answer: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Answer
    ) throws {
        let authority = isSecure ? try TestAuthority() : nil
        server = try ScriptedServer(loop: loop, authority: authority, answer: answer)
        var trusts = TLSClientContext.Authorities.system
        if isTrusted, let file = try authority?.writeFile() { trusts = .file(file) }
        client = HTTPClient(loop: loop, authorities: try TLSClientContext(trusting: trusts), limits: limits)
    }

    func close() {
        client?.close()
        server?.close()
    }

    func closeClient() { client.close() }

    func stopListening() { server.listener.close() }

    func get(_ path: String = "/", timeout: Duration = .seconds(20)) async throws(HTTPClientError) -> HTTPResponse {
        try await client.send(HTTPClientRequest("GET", server.url + path), timeout: timeout)
    }

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPResponse {
        try await client.send(request, timeout: .seconds(20))
    }

    func failure(of request: HTTPClientRequest? = nil, timeout: Duration = .seconds(20)) async -> HTTPClientError? {
        do throws(HTTPClientError) {
            _ = try await client.send(request ?? HTTPClientRequest("GET", server.url), timeout: timeout)
            return nil
        } catch {
            return error
        }
    }

    var url: String { server.url }
    var requests: [ScriptedServer.Request] { server.requests }
    var serverConnections: Int { server.connections }
    var openConnections: Int { client.openConnections }

    func origin() throws(HTTPURL.Failure) -> HTTPOrigin { try HTTPURL(server.url).origin }
}
