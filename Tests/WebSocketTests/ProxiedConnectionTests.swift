import EventLoops
import Glibc
import HTTP
import HTTPServer
import Testing
import Wire

@Suite("Connections by proxies and by paths", .timeLimit(.minutes(1)))
struct ProxiedConnectionTests {
    private static let header: [UInt8] =
        [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x21, 0x11, 0, 12] + [
            192, 0, 2, 7, 192, 0, 2, 1, 0, 80, 0, 81,
        ]
    private static let request = Array("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8)

    /// Answers who it was asked by.
    private static func names(_ server: TestServer) {
        server.onRequest = { request, responder in
            responder.respond(.text(200, "from \(request.remoteAddress.map { "\($0.ip)" } ?? "nobody")"))
        }
    }

    @Test("whom a trusted proxy speaks for is who has asked")
    func proxied() async throws {
        try await TestServer.run(setUp: {
            Self.names($0)
            $0.server.speaksProxyProtocol = { $0 == .loopbackV4 }
        }) { server in
            let peer = try await RawPeer.connect(to: server)
            // In two pieces, the second with the beginning of the request.
            try await peer.send(Array(Self.header[..<20]))
            try await peer.send(Array(Self.header[20...]) + Self.request)
            let answer = String(decoding: try await peer.readToEnd(), as: UTF8.self)
            #expect(answer.hasSuffix("from 192.0.2.7"))
        }
    }

    @Test("a trusted proxy without a header is not served, and counted with the reason")
    func missing() async throws {
        try await TestServer.run(setUp: { $0.server.speaksProxyProtocol = { _ in true } }) { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(Self.request)
            #expect(try await peer.readToEnd().isEmpty)
            #expect(try await on(server.loop) { server.refused } == [.proxyProtocol(.missing)])
        }
    }

    @Test("from everybody else a header is no request")
    func untrusted() async throws {
        try await TestServer.run(setUp: { $0.server.speaksProxyProtocol = { _ in false } }) { server in
            let peer = try await RawPeer.connect(to: server)
            try await peer.send(Self.header + Self.request)
            let answer = String(decoding: try await peer.readToEnd(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test(
        "at a path it is served like this machine; the file is gone with the socket, and what was left there is replaced"
    )
    func path() async throws {
        let path = "/tmp/voicegateway-test-\(getpid()).sock"
        try await TestServer.run(setUp: Self.names) { server in
            do {
                let socket = try ListeningSocket(path: path)
                #expect(throws: EventLoopError.self) { try ListeningSocket(path: path) }
                try await on(server.loop) { try server.server.listen(sharing: socket) }
                #expect(try await Self.asked(path).hasSuffix("from 127.0.0.1"))
                try await on(server.loop) { server.server.stopListening() }
            }
            // SAFETY: the path is read during the call only.
            #expect(unsafe access(path, F_OK) != 0)
        }
    }

    /// What is answered at a path.
    private static func asked(_ path: String) async throws -> String {
        await Task.detached {
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            // SAFETY: the path fits behind the family, and all is used during the calls only.
            unsafe withUnsafeMutableBytes(of: &address) { bytes in
                for (index, byte) in path.utf8.enumerated() { unsafe bytes[2 + index] = byte }
            }
            let connected = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            #expect(connected == 0)
            // SAFETY: the count is that of the buffer.
            let sent = unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
            #expect(sent == request.count)
            var answer: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            // SAFETY: the count is that of the buffer.
            while case let count = unsafe recv(descriptor, &chunk, chunk.count, 0), count > 0 {
                answer += chunk[..<count]
            }
            return String(decoding: answer, as: UTF8.self)
        }.value
    }

    @Test("a path that is too long, or where no file can be, is an error with the reason")
    func paths() {
        for path in ["", String(repeating: "x", count: 108), "/nowhere/at/all.sock"] {
            #expect(throws: EventLoopError.self) { try ListeningSocket(path: path) }
        }
    }
}
