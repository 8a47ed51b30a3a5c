package import EventLoops
package import Observability
internal import PeerConnection
internal import SecureTransport
package import Signalling
package import Wire

/// A small LiveKit-compatible room server inside this process, for development and tests only: one loop, no
/// persistence, no TLS. Real LiveKit SDKs and livekit-agents workers can use it.
///
/// May be used from any thread; everything inside belongs to the loop.
package final class DevRoomServer: Sendable {
    package struct Configuration: Sendable {
        /// The address to listen at; `0.0.0.0` or `::` for all of this machine's.
        package var host = IPAddress.loopbackV4
        /// For HTTP and WebSockets; 0 lets the kernel choose.
        package var port: UInt16 = 7880
        /// For all media; nil for the same number as `port`, 0 lets the kernel choose.
        package var udpPort: UInt16?
        /// Whether media comes over UDP at all; without it clients come by TCP, as from behind a strict firewall.
        package var takesUDP = true
        /// For media over TCP; nil for the number after `port`, or any if that is in use, 0 lets the kernel choose.
        package var tcpPort: UInt16?
        /// API keys and their secrets.
        package var keys = ["devkey": "secret"]
        /// Whether the built-in agent steps in for agents that nobody provides.
        package var isParrotEnabled = true
        /// STUN and TURN servers that clients are told of.
        package var iceServers: [ICEServer] = []
        /// Whether clients are told to use TURN servers alone.
        package var forcesRelay = false

        package init() {}
    }

    /// Where a started server can be reached.
    package struct Ports: Hashable, Sendable {
        package let http: UInt16
        /// Of the first address; with port 0 each address has its own. 0 without UDP.
        package let udp: UInt16
        /// For media over TCP, of the first address.
        package let tcp: UInt16
    }

    /// Why the server cannot start.
    package enum StartError: Error, Hashable, Sendable, CustomStringConvertible {
        case network(EventLoopError)
        case security(String)
        /// It was started before.
        case alreadyStarted

        package var description: String {
            switch self {
            case .network(let error): error.description
            case .security(let reason): reason
            case .alreadyStarted: "the room server was started before"
            }
        }
    }

    package let configuration: Configuration
    private let loop: EventLoop
    private let log: Log
    private let running: Locked<LoopBound<RunningServer>?>

    /// - Parameter loop: must run; it stays the caller's.
    package init(configuration: Configuration, loop: EventLoop, log: Log) {
        self.configuration = configuration
        self.loop = loop
        self.log = log
        running = Locked(nil)
    }

    /// Listens. Returns where.
    package func start() async throws(StartError) -> Ports {
        try await loop.run { [self] () throws(StartError) -> Ports in
            guard running.withLock({ $0 == nil }) else { throw .alreadyStarted }
            let server = try RunningServer(configuration, loop: loop, log: log)
            let bound = LoopBound(server, on: loop)
            running.withLock { $0 = bound }
            return server.ports
        }
    }

    /// Tells everybody that the server goes, and closes everything. Later calls do nothing.
    package func stop() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            loop.execute { [self] in
                let server = running.withLock { running in
                    defer { running = nil }
                    return running
                }
                guard let server else { return continuation.resume() }
                server.value.stop { continuation.resume() }
            }
        }
    }

    /// What there is at the moment, for tests and monitoring.
    package func statistics() async -> Statistics {
        await loop.run { [self] () -> Statistics in
            guard let server = running.withLock({ $0 }) else { return Statistics(rooms: 0, participants: 0) }
            let rooms = server.value.hub.rooms.values
            return Statistics(rooms: rooms.count, participants: rooms.reduce(0) { $0 + $1.room.participants.count })
        }
    }

    /// Counts of one moment.
    package struct Statistics: Hashable, Sendable {
        package let rooms: Int
        package let participants: Int
    }
}
