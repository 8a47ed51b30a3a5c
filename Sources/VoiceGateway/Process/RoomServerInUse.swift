internal import DevRoomServer
internal import EventLoops
internal import HTTP
internal import Observability
internal import Wire

/// The room server that the sessions use: far away, or inside.
struct RoomServerInUse {
    let url: HTTPURL
    private let inside: DevRoomServer?

    /// Whether it runs in this process.
    var isInside: Bool { inside != nil }

    /// One that somebody else runs.
    init(url: HTTPURL) { self.init(url: url, inside: nil) }

    private init(url: HTTPURL, inside: DevRoomServer?) {
        self.url = url
        self.inside = inside
    }

    static func open(
        _ choice: GatewayConfiguration.RoomServer, loop: EventLoop, log: Log
    ) async throws(DevRoomServer.StartError) -> RoomServerInUse {
        switch choice {
        case .deployment(let url, _):
            return RoomServerInUse(url: url)
        case .development(let port, let credentials):
            let address = TransportAddress(ip: .loopbackV4, port: port)
            let server = DevRoomServer(configuration: .with(address, credentials), loop: loop, log: log)
            let ports = try await server.start()
            let url = HTTPURL(origin: HTTPOrigin(isSecure: false, host: "127.0.0.1", port: ports.http))
            return RoomServerInUse(url: url, inside: server)
        }
    }

    func close() async { await inside?.stop() }
}
