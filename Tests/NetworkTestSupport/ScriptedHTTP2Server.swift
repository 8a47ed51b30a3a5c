internal import CNGHTTP2
package import EventLoops
internal import Wire

/// An HTTP/2 server over TLS that does as it is told, frame by frame, whether that is right or wrong. A client that offers
/// no HTTP/2 gets HTTP/1.1.
package final class ScriptedHTTP2Server {
    /// What a client has sent.
    package struct Frame: Sendable {
        /// Which connection it came on; counts from 0.
        package let connection: Int
        /// Nil for a request over HTTP/1.1, whose text is the payload.
        package let kind: HTTP2Frame.Kind?
        package let flags: UInt8
        package let stream: Int
        package let payload: [UInt8]
        /// Of HEADERS.
        package let fields: [String: String]
        /// Those that no table may take.
        package let secrets: Set<String>

        /// The last frame of a request.
        package var endsRequest: Bool {
            (kind == .headers || kind == .data) && flags & HTTP2Frame.endStream != 0
        }

        /// The word that a RST_STREAM has, or the second of a GOAWAY.
        package var errorCode: Int? {
            guard let start = kind == .resetStream ? 0 : kind == .goAway ? 4 : nil, payload.count >= start + 4 else {
                return nil
            }
            return payload[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        }
    }

    package enum Answer: Sendable {
        case nothing
        case send([UInt8])
        /// Sends the bytes, then ends the connection.
        case sendAndClose([UInt8])
    }

    package private(set) var listener: TCPListener! = nil
    package private(set) var frames: [Frame] = []
    /// What went over the wire: `<` and the kind of each frame that came, `>` for each answer.
    package private(set) var log: [String] = []
    fileprivate let greeting: [UInt8]
    fileprivate let authority: TestAuthority
    fileprivate let protocols: [String]
    private var peers: [ScriptedHTTP2Peer] = []
    private let answer: (Frame) -> Answer

    /// - Parameters:
    ///   - greeting: sent when a connection is made.
    ///   - answer: called for every frame.
    package init(
        loop: EventLoop, authority: TestAuthority, greeting: [UInt8] = HTTP2Frame.settings(),
        protocols: [String] = ["h2", "http/1.1"], answer: @escaping (Frame) -> Answer
    ) throws(EventLoopError) {
        self.greeting = greeting
        self.authority = authority
        self.protocols = protocols
        self.answer = answer
        listener = try TCPListener(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0), isShared: false) {
            [unowned self] descriptor in
            guard let peer = try? ScriptedHTTP2Peer(number: peers.count, server: self) else { return }
            peers.append(peer)
            try? peer.start(descriptor, loop: loop)
        }
    }

    package var url: String { "https://\(listener.localAddress)" }

    /// How many connections have been made, and how many of them still stand.
    package var connections: (made: Int, open: Int) { (peers.count, peers.count { !$0.hasEnded }) }

    package func forgetLog() { log = [] }

    /// Does something without having been asked.
    package func act(_ answer: Answer, on connection: Int) { peers[connection].act(answer) }

    fileprivate func handle(_ frame: Frame) -> Answer {
        frames.append(frame)
        log.append("< \(frame.kind.map { "\($0)" } ?? "HTTP/1.1")")
        let answer = answer(frame)
        if case .nothing = answer {} else { log.append(">") }
        return answer
    }

    package func close() {
        listener.close()
        for peer in peers { peer.tcp?.close() }
    }
}

/// One connection of a client.
// SAFETY: used on the loop's thread, or by one task at a time.
@safe
private final class ScriptedHTTP2Peer {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private(set) var tcp: TCPConnection?
    private(set) var hasEnded = false
    private let number: Int
    private let tls: TLSTestServer
    private var buffer: [UInt8] = []
    private var isGreeted = false
    private var inflater: OpaquePointer?
    private unowned let server: ScriptedHTTP2Server

    init(number: Int, server: ScriptedHTTP2Server) throws {
        self.number = number
        self.server = server
        tls = try TLSTestServer(server.authority, names: "IP:127.0.0.1", applicationProtocols: server.protocols)
        // SAFETY: the memory is used during the call only.
        unsafe nghttp2_hd_inflate_new(&inflater)
    }

    // SAFETY: the memory is used during the call only.
    deinit { unsafe nghttp2_hd_inflate_del(inflater) }

    func start(_ descriptor: Int32, loop: EventLoop) throws(EventLoopError) {
        tcp = try TCPConnection(
            loop: loop, adopting: descriptor, onBytes: { [unowned self] in received([UInt8](copying: $0.bytes)) },
            onEnd: { [unowned self] _ in
                hasEnded = true
                tcp?.close()
            })
    }

    func act(_ answer: ScriptedHTTP2Server.Answer) {
        switch answer {
        case .nothing: break
        case .send(let bytes): send(bytes)
        case .sendAndClose(let bytes):
            send(bytes)
            tls.close()
            tcp?.write(tls.take())
            tcp?.shutdown()
        }
    }

    private func send(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        tls.send(bytes)
        tcp?.write(tls.take())
    }

    private func received(_ bytes: [UInt8]) {
        tls.receive(bytes)
        tcp?.write(tls.take())
        buffer += tls.received
        tls.forgetReceived()
        guard tls.agreedProtocol == "h2" else { return receivedText() }
        if !isGreeted {
            isGreeted = true
            send(server.greeting)
        }
        if buffer.starts(with: Self.preface) { buffer.removeFirst(Self.preface.count) }
        while let frame = takeFrame() { act(server.handle(frame)) }
    }

    private func receivedText() {
        guard !buffer.isEmpty else { return }
        defer { buffer = [] }
        act(
            server.handle(
                ScriptedHTTP2Server.Frame(
                    connection: number, kind: nil, flags: 0, stream: 0, payload: buffer, fields: [:], secrets: [])))
    }

    private func takeFrame() -> ScriptedHTTP2Server.Frame? {
        guard buffer.count >= 9, !buffer.starts(with: Self.preface.prefix(9)) else { return nil }
        let length = Int(buffer[0]) << 16 | Int(buffer[1]) << 8 | Int(buffer[2])
        guard buffer.count >= 9 + length, let kind = HTTP2Frame.Kind(rawValue: buffer[3]) else { return nil }
        let payload = Array(buffer[9..<9 + length])
        let stream = buffer[5..<9].reduce(0) { $0 << 8 | Int($1) }
        let (fields, secrets) = kind == .headers ? inflate(payload) : ([:], [])
        defer { buffer.removeFirst(9 + length) }
        return ScriptedHTTP2Server.Frame(
            connection: number, kind: kind, flags: buffer[4], stream: stream, payload: payload, fields: fields,
            secrets: secrets)
    }

    private func inflate(_ block: [UInt8]) -> ([String: String], Set<String>) {
        var fields: [String: String] = [:]
        var secrets: Set<String> = []
        var rest = block[...]
        while !rest.isEmpty {
            // SAFETY: the memory is used during the call only.
            var field = unsafe nghttp2_nv()
            var flags: Int32 = 0
            let taken = unsafe rest.withUnsafeBufferPointer {
                unsafe nghttp2_hd_inflate_hd2(inflater, &field, &flags, $0.baseAddress, $0.count, 1)
            }
            guard taken >= 0 else { break }
            rest = rest.dropFirst(taken)
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = unsafe String(
                    decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
                fields[name] = unsafe String(
                    decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
                if unsafe field.flags & UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) != 0 { secrets.insert(name) }
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 || taken == 0 { break }
        }
        unsafe nghttp2_hd_inflate_end_headers(inflater)
        return (fields, secrets)
    }
}
