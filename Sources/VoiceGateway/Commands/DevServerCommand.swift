internal import DevRoomServer
internal import EventLoops
internal import Observability
internal import Wire

/// `VoiceGateway dev-server`: the development room server alone.
enum DevServerCommand {
    static func run(_ configuration: DevServerConfiguration) async -> Int32 {
        let log = Log(minimumLevel: configuration.logLevel, format: configuration.logFormat)
        do throws(EventLoopError) {
            let loops = try ProcessLoops(1, name: "room server", log: log)
            defer { loops.stop() }
            var rooms = DevRoomServer.Configuration.with(configuration.listenAddress, configuration.credentials)
            rooms.isParrotEnabled = configuration.isParrotEnabled
            rooms.takesUDP = configuration.takesUDP
            rooms.iceServers = configuration.iceServers
            rooms.forcesRelay = configuration.forcesRelay
            let server = DevRoomServer(configuration: rooms, loop: loops.loops[0], log: log)
            let ports: DevRoomServer.Ports
            do throws(DevRoomServer.StartError) {
                ports = try await server.start()
            } catch {
                Console.complain("The development room server cannot start: \(error).")
                return UsageError.exitCode
            }
            let address = TransportAddress(ip: configuration.listenAddress.ip, port: ports.http)
            Console.print(DevServerBanner.text(address: address, credentials: configuration.credentials))
            try await loops.runUntilSignal { await server.stop() }
            return 0
        } catch {
            Console.complain("\(error)")
            return 1
        }
    }
}

/// What people read when the development room server starts.
enum DevServerBanner {
    static func text(address: TransportAddress, credentials: APICredentials) -> String {
        let keys =
            credentials == .development
            ? "LIVEKIT_API_KEY=\(credentials.key) LIVEKIT_API_SECRET=\(credentials.secret)"
            : "the API key \(credentials.key)"
        return """
            Development room server at ws://\(Self.reachable(address)) with \(keys).
            It is for development and tests only: no TLS, no persistence, no access from other machines unless --host says so.

            """
    }

    /// The address to connect to for one to listen at.
    static func reachable(_ address: TransportAddress) -> TransportAddress {
        switch address.ip {
        case .anyV4: TransportAddress(ip: .loopbackV4, port: address.port)
        case .anyV6: TransportAddress(ip: .loopbackV6, port: address.port)
        default: address
        }
    }
}

extension DevRoomServer.Configuration {
    /// Listens at `address` and knows one pair of key and secret.
    static func with(_ address: TransportAddress, _ credentials: APICredentials) -> Self {
        var configuration = Self()
        configuration.host = address.ip
        configuration.port = address.port
        configuration.keys = [credentials.key: credentials.secret]
        return configuration
    }
}
