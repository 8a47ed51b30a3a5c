package import EventLoops
internal import Wire

/// A server that answers as it is told.
package final class ScriptedServer {
    package enum Answer: Sendable {
        /// Sends text and keeps the connection.
        case send(String)
        /// Sends text, then ends the connection.
        case sendAndClose(String)
        /// Says nothing.
        case ignore
    }

    package struct Request: Sendable {
        /// Which connection it came on, and which request of that connection it is; both count from 0.
        package let connection: Int
        package let index: Int
        package let head: String
        package let body: String
    }

    package private(set) var listener: TCPListener! = nil
    package private(set) var requests: [Request] = []
    private var peers: [ScriptedPeer] = []
    private let answer: (Request) -> Answer
    private let authority: TestAuthority?

    package init(loop: EventLoop, authority: TestAuthority? = nil, answer: @escaping (Request) -> Answer)
        throws(EventLoopError)
    {
        self.answer = answer
        self.authority = authority
        listener = try TCPListener(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0), isShared: false) {
            [unowned self] descriptor in
            accept(descriptor, loop: loop)
        }
    }

    package var url: String { "\(authority == nil ? "http" : "https")://\(listener.localAddress)" }

    /// How many connections have been made.
    package var connections: Int { peers.count }

    private func accept(_ descriptor: Int32, loop: EventLoop) {
        let tls = authority.flatMap { try? TLSTestServer($0, names: "IP:127.0.0.1") }
        let peer = ScriptedPeer(number: peers.count, server: self, tls: tls)
        peers.append(peer)
        try? peer.start(descriptor, loop: loop)
    }

    fileprivate func handle(_ request: Request) -> Answer {
        requests.append(request)
        return answer(request)
    }

    package func close() {
        listener.close()
        for peer in peers { peer.tcp?.close() }
    }
}

/// One connection of a client.
private final class ScriptedPeer {
    private(set) var tcp: TCPConnection?
    private let number: Int
    private let tls: TLSTestServer?
    private var served = 0
    private var buffer: [UInt8] = []
    /// How much of what TLS has decrypted is in the buffer already.
    private var taken = 0
    private unowned let server: ScriptedServer

    init(number: Int, server: ScriptedServer, tls: TLSTestServer?) {
        self.number = number
        self.server = server
        self.tls = tls
    }

    func start(_ descriptor: Int32, loop: EventLoop) throws(EventLoopError) {
        tcp = try TCPConnection(
            loop: loop, adopting: descriptor, onBytes: { [unowned self] in received([UInt8](copying: $0.bytes)) },
            onEnd: { [unowned self] _ in tcp?.close() })
    }

    private func received(_ bytes: [UInt8]) {
        if let tls {
            tls.receive(bytes)
            buffer += tls.received[taken...]
            taken = tls.received.count
            tcp?.write(tls.take())
        } else {
            buffer += bytes
        }
        while let request = takeRequest() {
            switch server.handle(request) {
            case .send(let text): send(text)
            case .sendAndClose(let text):
                send(text)
                tls?.close()
                if let tls { tcp?.write(tls.take()) }
                tcp?.shutdown()
            case .ignore: break
            }
        }
    }

    private func send(_ text: String) {
        guard !text.isEmpty else { return }
        if let tls {
            tls.send(Array(text.utf8))
            tcp?.write(tls.take())
        } else {
            tcp?.write(Array(text.utf8))
        }
    }

    private func takeRequest() -> ScriptedServer.Request? {
        let text = String(decoding: buffer, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        let head = String(text[..<end.lowerBound])
        var length = 0
        for line in head.split(separator: "\r\n") where line.hasPrefix("Content-Length: ") {
            length = Int(line.dropFirst(16)) ?? 0
        }
        let rest = text[end.upperBound...]
        guard rest.utf8.count >= length else { return nil }
        let body = String(decoding: rest.utf8.prefix(length), as: UTF8.self)
        defer { served += 1 }
        buffer = Array(rest.utf8.dropFirst(length))
        return ScriptedServer.Request(connection: number, index: served, head: head, body: body)
    }
}

/// A complete answer.
package func ok(_ body: String, _ more: String = "") -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(more)\r\n\(body)"
}
