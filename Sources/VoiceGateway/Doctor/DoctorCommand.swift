internal import ClientProtocol
internal import EventLoops
internal import HTTP
internal import Observability
internal import Wire

/// `VoiceGateway doctor`: examines everything between this machine and an agent that talks, with the settings of `serve`.
///
/// Ends with 0 when all is well, 1 when something is wrong, 2 when it was asked for wrongly or the settings are wrong, 130
/// when it was interrupted.
enum DoctorCommand {
    static let failed: Int32 = 1
    static let interrupted: Int32 = 130

    static func run(_ request: DoctorRequest) async -> Int32 {
        let paper = Paper(showsJSON: request.showsJSON)
        let serving: ServeRequest
        switch request.settings {
        case .success(let found): serving = found
        case .failure(let error):
            let finding = Finding(.settings(error.mistakes), of: nil)
            return paper.close(on: .settings, finding, exitCode: UsageError.exitCode)
        }
        let speech: CallSpeech
        do throws(UsageError) {
            speech = try Self.speech(request)
        } catch {
            for mistake in error.mistakes { Console.complain(mistake) }
            return UsageError.exitCode
        }
        let log = serving.configuration.logLevel == .debug ? Log(minimumLevel: .debug) : Log.silent
        do throws(EventLoopError) {
            let loops = try ProcessLoops(1, name: "room server", log: log)
            defer { loops.stop() }
            let rooms: RoomServerInUse
            do throws(Finding) {
                rooms = try await Self.rooms(serving.configuration, loops.loops[0], log)
            } catch {
                return paper.close(on: .settings, error, exitCode: failed)
            }
            paper.note(.settings, Self.sentence(serving.configuration, rooms))
            let verdict = try await examine(request, serving.configuration, rooms, speech, paper, log)
            await rooms.close()
            paper.close(verdict)
            return switch verdict {
            case .healthy: 0
            case .failed: failed
            case .interrupted: interrupted
            }
        } catch {
            Console.complain("The examination cannot start: \(error).")
            return failed
        }
    }

    private static func examine(
        _ request: DoctorRequest, _ configuration: GatewayConfiguration, _ rooms: RoomServerInUse,
        _ speech: CallSpeech, _ paper: Paper, _ log: Log
    ) async throws(EventLoopError) -> Examination.Verdict {
        // SAFETY: used on the loop of the examination from here on.
        nonisolated(unsafe) let speech = speech
        let url = rooms.url
        let subject = Finding.Subject(
            url: url, key: configuration.roomServer.credentials.key, agent: configuration.agentName,
            isInside: configuration.roomServer.isInside)
        let verdict: Examination.Verdict? = try await CommandLoop.run(name: "doctor") { loop, completion in
            let plan = RoomVisit.Plan(
                server: url, agent: configuration.agentName, outgoing: configuration.outgoing, text: request.text,
                patience: request.patience)
            let tools = unsafe RoomServerExaminer(
                loop: loop, plan: plan, speech: speech, configuration: configuration, log: log)
            let examination = Examination(
                ExaminationStep.towardsAgent(isSecure: url.origin.isSecure), of: subject, tools: tools,
                now: EventLoop.clock, tell: paper.note, completion: completion)
            examination.start()
            return examination
        } interrupt: {
            $0.interrupt()
        }
        return verdict ?? .interrupted
    }

    private static func speech(_ request: DoctorRequest) throws(UsageError) -> CallSpeech {
        let format = AudioFormat(encoding: .opus, sampleRate: 48_000, channels: 1)
        let file = try request.play.map(CallFile.read)
        do throws(CallSpeech.Failure) {
            guard let file else { return try CallSpeech(silenceIn: format) }
            return try CallSpeech(file: file, wanted: format, keepsRate: false)
        } catch {
            throw UsageError(["\(request.play ?? "") cannot be played: \(error.reason)."])
        }
    }

    /// The room server to examine. Without a deployment it is that of a gateway which runs on this machine, or one of the
    /// examination's own.
    private static func rooms(
        _ configuration: GatewayConfiguration, _ loop: EventLoop, _ log: Log
    ) async throws(Finding) -> RoomServerInUse {
        var choice = configuration.roomServer
        if case .development(let port, let credentials) = choice {
            let address = TransportAddress(ip: .loopbackV4, port: port)
            if port != 0,
                case .addressInUse = Self.mistake({ () throws(EventLoopError) in
                    try TCPListener.probe(address)
                })
            {
                return RoomServerInUse(
                    url: HTTPURL(origin: HTTPOrigin(isSecure: false, host: "127.0.0.1", port: port)))
            }
            choice = .development(port: 0, credentials)
        }
        do {
            return try await RoomServerInUse.open(choice, loop: loop, log: log)
        } catch {
            throw Finding(.roomServerInside("\(error)"), of: nil)
        }
    }

    private static func mistake(_ body: () throws(EventLoopError) -> Void) -> EventLoopError? {
        do throws(EventLoopError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    private static func sentence(_ configuration: GatewayConfiguration, _ rooms: RoomServerInUse) -> String {
        let place =
            switch configuration.roomServer {
            case .deployment: "rooms at \(rooms.url.webSocketText)"
            case .development where rooms.isInside: "no LIVEKIT_URL: a room server for development, started for this"
            case .development:
                "no LIVEKIT_URL: the room server inside the gateway that runs, at \(rooms.url.webSocketText)"
            }
        return
            "\(place), key \(configuration.roomServer.credentials.key), agent \"\(configuration.agentName)\""
    }
}

/// Where an examination is written down. Used by one thread at a time.
private final class Paper: Sendable {
    private let showsJSON: Bool
    private let reports = Locked<[Examination.Report]>([])

    init(showsJSON: Bool) { self.showsJSON = showsJSON }

    func note(_ report: Examination.Report) {
        reports.withLock { $0.append(report) }
        if !showsJSON { Console.print(DoctorReport.text(report)) }
    }

    func note(_ step: ExaminationStep, _ found: String) {
        note(Examination.Report(step: step, duration: .zero, result: .success(found)))
    }

    func close(_ verdict: Examination.Verdict) {
        Console.print(
            showsJSON
                ? DoctorReport.json(reports.withLock { $0 }, verdict).serialized() + "\n" : DoctorReport.text(verdict))
    }

    /// For a finding before the examination has begun.
    func close(on step: ExaminationStep, _ finding: Finding, exitCode: Int32) -> Int32 {
        note(Examination.Report(step: step, duration: .zero, result: .failure(finding)))
        close(.failed(step, untried: ExaminationStep.allCases.filter { $0 != step }))
        return exitCode
    }
}
