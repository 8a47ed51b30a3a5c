internal import EventLoops
internal import Observability
internal import PeerConnection
internal import SecureTransport
internal import Wire

/// What every part of one server shares. Belongs to the loop's thread.
final class ServerEnvironment {
    let loop: EventLoop
    let log: Log
    let transport: any SecureTransportFactory
    let media: MediaSockets
    let keys: [String: String]
    let server: ServerDescription

    init(
        loop: EventLoop, log: Log, transport: any SecureTransportFactory, media: MediaSockets,
        configuration: DevRoomServer.Configuration
    ) {
        self.loop = loop
        self.log = log
        self.transport = transport
        self.media = media
        keys = configuration.keys
        var random = SecureRandom()
        server = ServerDescription(
            nodeID: ServerIdentifier.make(ServerIdentifier.node, using: &random), iceServers: configuration.iceServers,
            forcesRelay: configuration.forcesRelay)
    }

    /// Both clocks, now.
    var time: ServerTime { ServerTime(now: loop.now, unixMilliseconds: UnixClock.milliseconds()) }
}
