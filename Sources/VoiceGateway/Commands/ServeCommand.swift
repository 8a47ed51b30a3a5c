internal import DevRoomServer
internal import EventLoops
internal import HTTP
internal import Observability
internal import SecureTransport
internal import Signalling
internal import Wire

/// `VoiceGateway serve`: the gateway, with the development room server inside when there is no deployment.
enum ServeCommand {
    /// Why the gateway cannot start, as people read it.
    private struct StartError: Error {
        let sentence: String
        /// 2 for what the operator asked for and cannot have, 1 for other faults.
        let exitCode: Int32

        static func unusable(_ sentence: String) -> StartError {
            StartError(sentence: sentence, exitCode: UsageError.exitCode)
        }

        /// Another process that has the port may go; all else does not change by itself.
        static func notServing(_ error: EventLoopError) -> StartError {
            let sentence = "Clients cannot be served: \(error)."
            if case .addressInUse = error { return StartError(sentence: sentence, exitCode: 1) }
            return .unusable(sentence)
        }
    }

    static func run(_ configuration: GatewayConfiguration) async -> Int32 {
        let log = Log(minimumLevel: configuration.logLevel, format: configuration.logFormat)
        OpenFiles.raiseLimit()
        ProcessMemory.returnLargeBlocks()
        do throws(StartError) {
            let loops = try starting { () throws(EventLoopError) in
                try ProcessLoops(configuration.threads ?? ProcessLoops.defaultCount, name: "loop", log: log)
            }
            defer { loops.stop() }
            let memory = try starting(MemoryKeeper.start)
            defer { memory.stop() }
            try await run(configuration, loops, log)
            return 0
        } catch {
            Console.complain(error.sentence)
            return error.exitCode
        }
    }

    private static func starting<Threads>(
        _ start: () throws(EventLoopError) -> Threads
    ) throws(StartError) -> Threads {
        do throws(EventLoopError) {
            return try start()
        } catch {
            throw StartError(sentence: "The gateway cannot start its threads: \(error).", exitCode: 1)
        }
    }

    private static func run(_ configuration: GatewayConfiguration, _ loops: ProcessLoops, _ log: Log)
        async throws(StartError)
    {
        // The port first: a mistake there shall not wait for anything else.
        if configuration.listenAddress.port != 0 {
            do throws(EventLoopError) {
                try TCPListener.probe(configuration.listenAddress)
            } catch {
                throw .notServing(error)
            }
        }
        let certificate = try certificate(configuration, log)
        let renewal = try certificate.map { certificate throws(StartError) in
            try starting { () throws(EventLoopError) in
                try PeriodicThread(name: "certificate", interval: ServerCertificate.interval, state: certificate) {
                    $0.refresh()
                }
            }
        }
        defer { renewal?.stop() }
        let authorities = try authorities(configuration)
        let transports: OpenSSLTransportFactory
        do throws(SecureTransportError) {
            transports = try OpenSSLTransportFactory()
        } catch {
            throw StartError(sentence: "The gateway cannot make its certificate: \(error).", exitCode: 1)
        }
        let roomServer = try await RoomServerInUse.open(configuration.roomServer, loop: loops.loops[0], log: log)
        let metrics = Metrics()
        let environment = GatewayEnvironment(
            configuration: configuration, roomServer: roomServer.url, authorities: authorities, transports: transports,
            log: log, metrics: metrics, certificate: certificate,
            admission: Admission(configuration, log: log, metrics: metrics))
        var address = configuration.listenAddress
        var gatewayLoops: [(EventLoop, LoopBound<GatewayLoop>)] = []
        do throws(EventLoopError) {
            for (index, loop) in loops.loops.enumerated() {
                let asked = address
                let (gatewayLoop, bound) = try await loop.run { () throws(EventLoopError) in
                    let gatewayLoop = GatewayLoop(
                        loop: loop, index: index, environment: environment, endpoints: Endpoints.make)
                    return (LoopBound(gatewayLoop, on: loop), try gatewayLoop.listen(at: asked))
                }
                address = bound
                gatewayLoops.append((loop, gatewayLoop))
            }
            let all = gatewayLoops
            for (loop, gatewayLoop) in gatewayLoops { await loop.run { gatewayLoop.value.gatewayLoops = all } }
        } catch {
            await drain(gatewayLoops)
            await roomServer.close()
            throw .notServing(error)
        }
        Console.print(
            Banner.text(
                address: address, roomServer: configuration.roomServer, url: roomServer.url,
                hasPlayground: configuration.http.hasPlayground, isSecure: configuration.tls != nil))
        log.info(
            "serving", ["address": address, "rooms": roomServer.url.webSocketText, "threads": gatewayLoops.count])
        let open = gatewayLoops
        do throws(EventLoopError) {
            try await DrainDriver(
                loop: loops.loops[0], settings: configuration.drain, admission: environment.admission,
                isDraining: metrics.gauge(
                    "voicegateway_draining", help: "1 when the gateway goes and lets nobody in any more."),
                log: log, endCalls: { await drain(open) }
            ).run()
        } catch {
            await drain(gatewayLoops)
            await roomServer.close()
            throw StartError(sentence: "Signals cannot be watched: \(error).", exitCode: 1)
        }
        await roomServer.close()
    }

    private static func certificate(_ configuration: GatewayConfiguration, _ log: Log) throws(StartError)
        -> ServerCertificate?
    {
        guard let tls = configuration.tls else { return nil }
        do throws(SecureTransportError) {
            return try ServerCertificate(tls, log: log)
        } catch {
            throw .unusable("TLS_CERT, TLS_KEY or TLS_CLIENT_CA: \(error).")
        }
    }

    private static func authorities(_ configuration: GatewayConfiguration) throws(StartError) -> TLSClientContext {
        do throws(SecureTransportError) {
            return try TLSClientContext(trusting: configuration.livekitCAFile.map { .file($0) } ?? .system)
        } catch {
            throw .unusable("LIVEKIT_CA_FILE: \(error).")
        }
    }

    private static func drain(_ gatewayLoops: [(EventLoop, LoopBound<GatewayLoop>)]) async {
        await withTaskGroup(of: Void.self) { group in
            for (loop, gatewayLoop) in gatewayLoops {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        loop.execute { gatewayLoop.value.drain { continuation.resume() } }
                    }
                }
            }
        }
    }

    /// The room server that the sessions use: far away, or inside.
    private struct RoomServerInUse {
        let url: HTTPURL
        private let inside: DevRoomServer?

        static func open(
            _ choice: GatewayConfiguration.RoomServer, loop: EventLoop, log: Log
        ) async throws(StartError) -> RoomServerInUse {
            switch choice {
            case .deployment(let url, _):
                return RoomServerInUse(url: url, inside: nil)
            case .development(let port, let credentials):
                let address = TransportAddress(ip: .loopbackV4, port: port)
                let server = DevRoomServer(configuration: .with(address, credentials), loop: loop, log: log)
                do throws(DevRoomServer.StartError) {
                    let ports = try await server.start()
                    let url = HTTPURL(origin: HTTPOrigin(isSecure: false, host: "127.0.0.1", port: ports.http))
                    return RoomServerInUse(url: url, inside: server)
                } catch {
                    throw .unusable("The development room server cannot start: \(error).")
                }
            }
        }

        func close() async { await inside?.stop() }
    }
}

/// What people read when the gateway starts.
enum Banner {
    static func text(
        address: TransportAddress, roomServer: GatewayConfiguration.RoomServer, url: HTTPURL, hasPlayground: Bool,
        isSecure: Bool = false
    ) -> String {
        let reachable = DevServerBanner.reachable(address)
        let tls = isSecure ? "s" : ""
        let clients = "ws\(tls)://\(reachable)/ws"
        let page = hasPlayground ? "Open http\(tls)://\(reachable)/ in a browser and talk.\n" : ""
        guard case .development(_, let credentials) = roomServer else {
            return page + "VoiceGateway at \(clients), rooms at \(url.webSocketText).\n"
        }
        let room = TransportAddress(ip: .loopbackV4, port: url.origin.port)
        let settings =
            "LIVEKIT_URL=ws://\(room)"
            + (credentials == .development
                ? " LIVEKIT_API_KEY=\(credentials.key) LIVEKIT_API_SECRET=\(credentials.secret)"
                : " LIVEKIT_API_KEY=\(credentials.key) LIVEKIT_API_SECRET=…")
        return page + "VoiceGateway at \(clients). There is no LIVEKIT_URL, so rooms are inside this process.\n"
            + DevServerBanner.text(address: room, credentials: credentials)
                + """
                Try it:
                  VoiceGateway call \(clients) --play hello.wav --record reply.wav
                  \(settings) python agent.py dev
                  VoiceGateway token --room lobby --identity ann

                """
    }
}
