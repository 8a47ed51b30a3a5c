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

    static func run(_ request: ServeRequest) async -> Int32 {
        let configuration = request.configuration
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
            try await run(request, loops, log)
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

    private static func run(_ request: ServeRequest, _ loops: ProcessLoops, _ log: Log) async throws(StartError) {
        let configuration = request.configuration
        // The places first: a mistake there shall not wait for anything else.
        let (address, sockets) = try places(configuration)
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
        let metrics = Metrics()
        metrics.gauge(
            "voicegateway_build_info", help: "1, with the version of the program.", labels: ["version": Product.version]
        ).set(1)
        let current = CurrentConfiguration(configuration)
        let id = GatewayEnvironment.makeID()
        let reports = try await reports(current, id, log, metrics)
        let fleet = try await fleet(current, id, log, metrics)
        let signals = try await signals(loops.loops[0])
        let roomServer = try await roomServer(configuration, loops.loops[0], log)
        let environment = GatewayEnvironment(
            current: current, roomServer: roomServer.url, authorities: authorities, transports: transports,
            log: log, metrics: metrics, certificate: certificate,
            admission: Admission(current, log: log, metrics: metrics), id: id, reports: reports,
            fleet: fleet)
        let serving: ServingLoops
        do throws(EventLoopError) {
            serving = try await ServingLoops.listen(on: loops.loops, at: address, sharing: sockets, environment)
        } catch {
            await signals.close()
            await roomServer.close()
            await reports?.finish()
            await fleet?.finish()
            throw .notServing(error)
        }
        fleet?.answerQuestions(by: serving.answers(environment))
        if let address = serving.address ?? sockets.lazy.compactMap(\.address).first {
            Console.print(
                Banner.text(
                    address: address, roomServer: configuration.roomServer, url: roomServer.url,
                    hasPlayground: configuration.http.hasPlayground, isSecure: configuration.tls != nil))
        }
        if let address = serving.adminAddress { log.info("serving the operator", ["address": address]) }
        if !configuration.roomServer.isInside { await checkRoomServer(serving, log) }
        log.info(
            "serving",
            [
                "address": serving.places.joined(separator: " "), "rooms": roomServer.url.webSocketText,
                "threads": serving.count,
            ])
        let serviceManager = ServiceManager()
        let watchdog = try? serviceManager?.keepAlive(loops.loops)
        serviceManager?.ready()
        let reload = SettingsReload(request, environment, serving)
        await DrainDriver(
            signals: signals, settings: { current.part(\.drain) }, admission: environment.admission,
            log: log, serviceManager: serviceManager, reload: { await reload.run() },
            moveCalls: { deadline in await serving.each { $0.askToMove(until: deadline) } },
            endCalls: { await serving.drain() }
        ).run()
        await reports?.finish()
        await fleet?.finish()
        watchdog?.stop()
        await signals.close()
        await roomServer.close()
    }

    private static func reports(
        _ current: CurrentConfiguration, _ id: String, _ log: Log, _ metrics: Metrics
    ) async throws(StartError) -> Reports? {
        do throws(Reports.StartError) {
            return try await Reports.start(current, instance: id, log: log, metrics: metrics)
        } catch {
            throw StartError(sentence: error.sentence, exitCode: error.isPassing ? 1 : UsageError.exitCode)
        }
    }

    private static func fleet(
        _ current: CurrentConfiguration, _ id: String, _ log: Log, _ metrics: Metrics
    ) async throws(StartError) -> Fleet? {
        guard let address = current.part(\.redis) else { return nil }
        let authorities: TLSClientContext
        do throws(SecureTransportError) { authorities = try TLSClientContext() } catch {
            throw .unusable("REDIS_URL: \(error).")
        }
        do throws(EventLoopError) {
            return try await Fleet(
                address, authorities: authorities, gateway: id,
                secret: { current.part(\.roomServer.credentials.secret) }, log: log, metrics: metrics)
        } catch {
            throw StartError(sentence: "The gateway cannot start its threads: \(error).", exitCode: 1)
        }
    }

    /// Where clients are served: at PORT, unless the service manager has opened sockets for us, and at UNIX_SOCKET.
    private static func places(
        _ configuration: GatewayConfiguration
    ) throws(StartError) -> (TransportAddress?, [ListeningSocket]) {
        do throws(EventLoopError) {
            var sockets = try InheritedSockets.take()
            let address = sockets.isEmpty ? configuration.listenAddress : nil
            if let address, address.port != 0 { try TCPListener.probe(address) }
            if let path = configuration.unixSocket { sockets.append(try ListeningSocket(path: path)) }
            return (address, sockets)
        } catch {
            throw .notServing(error)
        }
    }

    private static func signals(_ loop: EventLoop) async throws(StartError) -> ProcessSignals {
        do throws(EventLoopError) {
            return try await ProcessSignals.hear(ProcessSignals.Signal.ending + [.hangUp], on: loop)
        } catch {
            throw StartError(sentence: "Signals cannot be watched: \(error).", exitCode: 1)
        }
    }

    private static func roomServer(
        _ configuration: GatewayConfiguration, _ loop: EventLoop, _ log: Log
    ) async throws(StartError) -> RoomServerInUse {
        do throws(DevRoomServer.StartError) {
            return try await RoomServerInUse.open(configuration.roomServer, loop: loop, log: log)
        } catch {
            throw .unusable("The development room server cannot start: \(error).")
        }
    }

    /// Says what is wrong with the room server before anybody calls. The gateway serves all the same: the server may come
    /// later, and the keys may be changed.
    private static func checkRoomServer(_ serving: ServingLoops, _ log: Log) async {
        let (fault, clockOffset) = await serving.checkRoomServer()
        if let fault {
            log.error(
                "the room server cannot be used", ["reason": fault.reason.rawValue, "error": fault.detail])
        } else if let clockOffset, abs(clockOffset) >= RoomServerFault.toleratedSkew / 2 {
            log.warning(
                "clocks differ", ["seconds": clockOffset, "why": RoomServerFault.sentence(clockOffset: clockOffset)])
        }
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
}
