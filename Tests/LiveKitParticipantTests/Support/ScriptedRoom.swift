import EventLoops
import HTTP
import HTTPServer
import LiveKitParticipant
import PeerConnection
import SecureTransport
import Signalling
import WebSocket
import Wire

/// A room server that does what a test tells it to, failures included: signalling over real sockets on loopback, real
/// peer connections behind it. It has one other participant, the agent, who sends back every sound and packet.
/// Belongs to the loop's thread.
final class ScriptedRoom: HTTPHandler {
    /// How the next joins are refused, in order.
    var refusals: [HTTPResponse] = []
    var hasSinglePath = true
    /// The answer to a resume that the server knows nothing of.
    var forgetsSessions = false
    /// Accepts a socket and then says nothing.
    var isSilent = false
    let loop: EventLoop
    let factory: OpenSSLTransportFactory
    private(set) var requests: [HTTPRequest] = []
    private(set) var session: ScriptedSession?
    /// Called after each message of the client.
    var onChange: () -> Void = {}
    private let context: WebSocketContext
    private var server: HTTPServer?
    private(set) var port: UInt16 = 0
    private var joins = 0

    init(loop: EventLoop, factory: OpenSSLTransportFactory) throws {
        self.loop = loop
        self.factory = factory
        context = WebSocketContext(loop: loop)
        let server = HTTPServer(loop: loop, handler: self)
        port = try server.listen(at: TransportAddress(ip: .loopbackV4, port: 0)).port
        self.server = server
    }

    func close() {
        session?.close()
        server?.close()
    }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) { responder.respond(.text(404, "")) }

    func handleUpgrade(_ request: HTTPRequest, _ upgrade: HTTPUpgrade) {
        guard let upgrade = WebSocketUpgrade(upgrade, of: request, context: context) else { return }
        requests.append(request)
        if !refusals.isEmpty { return upgrade.reject(refusals.removeFirst()) }
        let isSingle = request.path == "/rtc/v1"
        guard isSingle ? hasSinglePath : request.path == "/rtc" else { return upgrade.reject(.text(404, "")) }
        let join =
            isSingle
            ? try? JoinParameters.decode(request.query["join_request"] ?? "")
            : JoinParameters.decode(QueryString(request.rawQuery))
        guard let join else { return upgrade.reject(.text(400, "")) }
        if join.reconnect, let session, !forgetsSessions {
            session.resume(upgrade)
        } else if join.reconnect {
            upgrade.accept(UnknownSession())
        } else {
            joins += 1
            session?.close()
            let session = ScriptedSession(room: self, isSingle: isSingle, sid: "PA_me\(joins)")
            self.session = session
            session.start(upgrade)
        }
    }

    /// What a server says when it does not know the session.
    private final class UnknownSession: WebSocketHandler {
        func webSocketOpened(_ socket: WebSocketConnection) {
            let leave = LeaveRequest.with {
                $0.reason = .stateMismatch
                $0.action = .reconnect
            }
            socket.send(binary: SignalResponse.with { $0.message = .leave(leave) }.encoded(), .required)
        }
        func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {}
        func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {}
        func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {}
    }
}
