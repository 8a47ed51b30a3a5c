internal import EventLoops
internal import HTTP
internal import HTTPServer
internal import Observability
internal import SecureTransport
internal import WebSocket
internal import Wire

/// A server that listens. Belongs to the loop's thread.
final class RunningServer {
    /// How long clients may take to read their `leave` when the server stops, and how often this is checked.
    static let drainTimeout: Duration = .seconds(1)
    private static let drainCheckInterval: Duration = .milliseconds(10)

    let environment: ServerEnvironment
    let hub: RoomHub
    let ports: DevRoomServer.Ports
    private let routes: ServerRoutes
    private let http: HTTPServer
    private var timer: LoopTimer?

    init(
        _ configuration: DevRoomServer.Configuration, loop: EventLoop, log: Log
    ) throws(DevRoomServer.StartError) {
        let transport: OpenSSLTransportFactory
        do throws(SecureTransportError) {
            transport = try OpenSSLTransportFactory()
        } catch {
            throw .security("\(error)")
        }
        do throws(EventLoopError) {
            // TCP first: with port 0 the kernel chooses its number, and UDP gets the same.
            let addresses = try Self.addresses(configuration.host)
            let pending = PendingRoutes(context: WebSocketContext(loop: loop))
            var httpConfiguration = HTTPServer.Configuration()
            httpConfiguration.maximumBodyBytes = 10 << 20
            httpConfiguration.maximumHeadBytes = 256 << 10
            http = HTTPServer(loop: loop, configuration: httpConfiguration, handler: pending)
            let listening = try http.listen(at: TransportAddress(ip: configuration.host, port: configuration.port))
            let media: MediaSockets
            do throws(EventLoopError) {
                media = try Self.openMedia(configuration, loop: loop, addresses: addresses, tcpPort: listening.port)
            } catch {
                http.close()
                throw error
            }
            environment = ServerEnvironment(
                loop: loop, log: log, transport: transport, media: media, configuration: configuration)
            hub = RoomHub(environment, isParrotEnabled: configuration.isParrotEnabled)
            routes = ServerRoutes(hub)
            pending.routes = routes
            handlers = pending
            ports = DevRoomServer.Ports(
                http: listening.port, udp: media.bases.first?.port ?? 0, tcp: media.streamBases.first?.port ?? 0)
        } catch {
            throw .network(error)
        }
    }

    /// The server does not hold its handler.
    private let handlers: PendingRoutes

    /// Every address at which media shall arrive.
    private static func addresses(_ host: IPAddress) throws(EventLoopError) -> [IPAddress] {
        guard host == .anyV4 || host == .anyV6 else { return [host] }
        // One socket for each address tells us to which of them a datagram came, which ICE must know.
        return try InterfaceAddress.all().map(\.ip).filter { host == .anyV6 || !$0.isV6 }
    }

    /// Opens the sockets for media: at the wished port, or at the number that TCP has.
    private static func openMedia(
        _ configuration: DevRoomServer.Configuration, loop: EventLoop, addresses: [IPAddress], tcpPort: UInt16
    ) throws(EventLoopError) -> MediaSockets {
        let media: MediaSockets
        do throws(EventLoopError) {
            media = try MediaSockets(
                loop: loop, addresses: addresses,
                port: configuration.takesUDP ? configuration.udpPort ?? tcpPort : nil)
        } catch {
            // The number that the kernel chose for TCP may be in use for UDP; then UDP gets another.
            guard configuration.udpPort == nil, configuration.port == 0 else { throw error }
            media = try MediaSockets(loop: loop, addresses: addresses, port: 0)
        }
        do throws(EventLoopError) {
            let port = configuration.tcpPort ?? (tcpPort < .max ? tcpPort + 1 : 0)
            media.listen(try MediaListeners(loop: loop, addresses: addresses, port: port, besides: media.bases))
        } catch {
            guard configuration.tcpPort == nil else {
                media.close()
                throw error
            }
            media.listen(try MediaListeners(loop: loop, addresses: addresses, port: 0, besides: media.bases))
        }
        return media
    }

    /// Sends everybody a `leave`, and calls `completion` when all is closed.
    func stop(_ completion: @escaping () -> Void) {
        http.stopListening()
        hub.close()
        let end = environment.loop.now + Self.drainTimeout
        timer = LoopTimer(loop: environment.loop) { [self] in
            guard hub.isIdle && http.upgradedCount == 0 || environment.loop.now >= end else {
                timer?.arm(after: Self.drainCheckInterval)
                return
            }
            http.close()
            environment.media.close()
            timer = nil
            completion()
        }
        timer?.arm(after: .zero)
    }
}

/// Stands between the HTTP server, which is made first, and the routes, which need what is made after it.
private final class PendingRoutes: HTTPHandler {
    var routes: ServerRoutes?
    private let context: WebSocketContext

    init(context: WebSocketContext) { self.context = context }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) { routes?.handle(request, responder) }

    func handleUpgrade(_ request: HTTPRequest, _ upgrade: HTTPUpgrade) {
        guard let upgrade = WebSocketUpgrade(upgrade, of: request, context: context) else { return }
        routes?.handleUpgrade(request, upgrade)
    }
}
