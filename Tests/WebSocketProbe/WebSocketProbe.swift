import EventLoops
import Glibc
import HTTP
import HTTPServer
import SecureTransport
import WebSocket
import Wire

/// The WebSocket adapter by itself, for the interop tests. Prints `listening PORT`, then serves:
/// - upgrades on `/echo`: every message comes back; `/echo-large`: also messages of up to 16 MiB;
///   `/reject/STATUS`: refused; `/close/CODE`: closed at once
/// - requests on any path: a JSON answer with method, path, query and the length of the body
///
/// `connect URL [CA-FILE] [BEARER]` on standard input opens a client, which sends every message back, up to 16 MiB; its
/// fate is printed: `opened`, `failed REASON`, `closed CODE CLEAN REASON`.
@main
struct WebSocketProbe {
    static func main() throws {
        let loop = try EventLoop(name: "probe")
        try loop.start()
        let probe = Probe(loop: loop)
        loop.execute { probe.listen() }
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            guard words.count >= 2, words[0] == "connect" else { continue }
            loop.execute { probe.connect(words[1], file: words.dropFirst(2).first, bearer: words.dropFirst(3).first) }
        }
        exit(0)
    }

    static func say(_ text: String) {
        // Not print: flushing all streams would wait for the one that is being read.
        var line = text + "\n"
        // SAFETY: the memory is used during the call only.
        line.withUTF8 { _ = unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}

/// Belongs to the loop, but for being made.
// SAFETY: used on the loop's thread, or by one task at a time.
final class Probe: HTTPHandler, @unchecked Sendable {
    static let largeMessageBytes = 16 << 20

    private let loop: EventLoop
    private let context: WebSocketContext
    private var server: HTTPServer?

    init(loop: EventLoop) {
        self.loop = loop
        context = WebSocketContext(loop: loop)
    }

    func listen() {
        let server = HTTPServer(loop: loop, handler: self)
        self.server = server
        do {
            let address = try server.listen(at: TransportAddress(ip: .loopbackV4, port: 0))
            WebSocketProbe.say("listening \(address.port)")
        } catch {
            WebSocketProbe.say("failed \(error)")
        }
    }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let answer: JSONValue = [
            "method": .string(request.method.rawValue), "path": .string(request.path),
            "query": .string(request.rawQuery), "length": .integer(Int64(request.body.count)),
        ]
        responder.respond(.json(200, answer.serialized()))
    }

    func handleUpgrade(_ request: HTTPRequest, _ upgrade: HTTPUpgrade) {
        guard let upgrade = WebSocketUpgrade(upgrade, of: request, context: context) else { return }
        let parts = request.path.split(separator: "/").map(String.init)
        switch (parts.first, parts.dropFirst().first.flatMap { UInt16($0) }) {
        case ("reject", let status?): upgrade.reject(.text(Int(status), "rejected with \(status)"))
        case ("close", let code?):
            upgrade.accept(Echo(isClient: false))?.close(WebSocketCloseCode(rawValue: code), reason: "as asked")
        case ("echo", _): upgrade.accept(Echo(isClient: false))
        case ("echo-large", _):
            var configuration = WebSocketConfiguration()
            configuration.maximumMessageBytes = Self.largeMessageBytes
            configuration.maximumRequiredBytes = 2 * Self.largeMessageBytes
            upgrade.accept(Echo(isClient: false), configuration: configuration)
        default: upgrade.reject(.text(404, "not here"))
        }
    }

    func connect(_ url: String, file: String?, bearer: String?) {
        do {
            let trust = try file.map { $0 == "-" ? try TLSClientContext() : try TLSClientContext(trusting: .file($0)) }
            var configuration = WebSocketClient.Configuration()
            configuration.webSocket.maximumMessageBytes = Self.largeMessageBytes
            configuration.webSocket.maximumRequiredBytes = 2 * Self.largeMessageBytes
            if let bearer { configuration.headers.add("Authorization", "Bearer \(bearer)") }
            WebSocketClient.connect(
                to: try HTTPURL(url), context: WebSocketContext(loop: loop, trust: trust),
                configuration: configuration, handler: Echo(isClient: true)
            ) { result in
                if case .failure(let error) = result { WebSocketProbe.say("failed \(error)") }
            }
        } catch {
            WebSocketProbe.say("failed \(error)")
        }
    }
}

final class Echo: WebSocketHandler {
    private let isClient: Bool

    init(isClient: Bool) { self.isClient = isClient }

    func webSocketOpened(_ socket: WebSocketConnection) {
        if isClient { WebSocketProbe.say("opened") }
    }

    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
        socket.send(utf8: text)
    }

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
        socket.send(binary: bytes, .required)
    }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        if isClient { WebSocketProbe.say("closed \(closure.code.rawValue) \(closure.wasClean) \(closure.reason)") }
    }
}
