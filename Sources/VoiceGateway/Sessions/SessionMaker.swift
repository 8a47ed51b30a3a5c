internal import Bridge
internal import ClientProtocol
internal import EventLoops
internal import LiveKitParticipant
internal import Observability
internal import SecureTransport
internal import Wire

/// Makes the sessions of one loop's clients and finds them again for clients that come back.
///
/// Belongs to the loop's thread.
final class SessionMaker {
    /// What all sessions of the loop have in common.
    private(set) var environment: SessionEnvironment
    /// Those that a later connection can continue.
    let resumable = ResumableSessions()
    private let gateway: GatewayEnvironment
    private let loop: EventLoop
    private let loopIndex: Int
    private let calls: LiveCalls
    private let api: ServerAPI
    private let admission: Admission
    private var tokens: AccessTokens
    private let log: Log
    private let report: CallReport
    private let counters: CallCounters
    private let hangUps: CarrierHangUps
    private let continuedCounter: Counter

    init(_ gatewayLoop: GatewayLoop) {
        let gateway = gatewayLoop.environment
        self.gateway = gateway
        loop = gatewayLoop.loop
        loopIndex = gatewayLoop.index
        calls = gatewayLoop.calls
        log = gateway.log
        report = CallReport(log: gateway.log, metrics: gateway.metrics, reports: gateway.reports)
        counters = CallCounters(gateway.metrics)
        hangUps = CarrierHangUps(
            client: gatewayLoop.client, settings: { gateway.configuration.carriers }, log: gateway.log)
        continuedCounter = gateway.metrics.counter(
            "voicegateway_calls_continued_total", help: "Calls that began at another gateway and went on here.")
        api = gatewayLoop.serverAPI
        admission = gateway.admission
        tokens = AccessTokens(credentials: gateway.credentials)
        let configuration = Self.configuration(gateway)
        let clock = LoopClock(loop: gatewayLoop.loop)
        let lag = gateway.metrics.histogram(
            "voicegateway_loop_lag_seconds", help: "How late the tick of a loop with calls was.")
        var environment = SessionEnvironment(
            configuration: configuration,
            rooms: LiveKitRoomConnector(
                loop: gatewayLoop.loop, context: gatewayLoop.context, placer: gatewayLoop.placer,
                api: gatewayLoop.serverAPI, environment: gateway),
            dispatcher: ServerDispatcher(placer: gatewayLoop.placer),
            coders: Self.coders(gateway), clock: clock,
            tick: MediaTick(clock: clock, interval: configuration.limits.tick) { lag.add(nanoseconds: $0.nanoseconds) })
        environment.meter = SoundMeter(gateway.metrics) { EventLoop.clock() }
        environment.log = log
        self.environment = environment
    }

    /// Sessions that there are keep what they began with.
    func configurationChanged() {
        environment.configuration = Self.configuration(gateway)
        environment.coders = Self.coders(gateway)
        tokens = AccessTokens(credentials: gateway.credentials)
    }

    private static func coders(_ gateway: GatewayEnvironment) -> LibraryCoders {
        LibraryCoders(profile: gateway.current.part(\.conversation.opus))
    }

    /// What the operator has decided for all sessions.
    private static func configuration(_ gateway: GatewayEnvironment) -> BridgeConfiguration {
        let decided = gateway.configuration
        var configuration = BridgeConfiguration(agentName: decided.agentName)
        configuration.turnRPCMethod = decided.conversation.turnRPCMethod
        configuration.interruptRPCMethod = decided.conversation.interruptRPCMethod
        configuration.tellsTrace = decided.dispatchTraceparent
        configuration.limits.resumeGrace = decided.conversation.resumeGrace
        configuration.limits.maximumBacklog = decided.conversation.maximumBacklog
        configuration.limits.configWait = decided.conversation.configWait
        configuration.limits.maximumMessageBytes = decided.limits.maximumMessageBytes
        configuration.limits.maximumUtterance = decided.limits.maximumUtterance
        configuration.limits.maximumTracks = decided.limits.maximumTracks
        configuration.limits.idleTimeout = decided.limits.idleTimeout
        configuration.limits.maximumSession = decided.limits.maximumSession
        // An utterance comes as a whole and is played from there.
        configuration.limits.uplinkQueue = max(configuration.limits.uplinkQueue, decided.limits.maximumUtterance)
        return configuration
    }

    /// The session at another gateway for which a token was signed; nil when there is none to go on with.
    func claim(in token: String) -> SessionClaim? {
        guard keepsSessions else { return nil }
        return ResumeToken.claim(
            in: token, gateway: gateway.id, now: UnixClock.seconds(), secret: gateway.credentials.secret)
    }

    private var keepsSessions: Bool { environment.configuration.limits.resumeGrace > .zero }

    /// A session for a client that was let in.
    /// - Parameters:
    ///   - continued: the session at another gateway that goes on here.
    ///   - trace: the one to which the client's request belongs; nil for none, and a new one begins.
    func begin(
        _ client: SocketClient, _ caller: Caller, _ dialect: any ClientDialect, _ parameters: SessionParameters,
        continued: SessionClaim? = nil, trace: TraceContext? = nil, path: String
    ) -> BridgeSession {
        var parameters = parameters
        if case .identity(let identity)? = caller.certified, parameters.accessToken == nil, parameters.identity == nil {
            parameters.identity = identity
        }
        let trace = CallTrace(trace, reports: gateway.reports)
        let mayResume = dialect.descriptor.resumes && keepsSessions
        let key = mayResume ? ResumeToken.makeKey(loop: loopIndex) : nil
        let fleet = FleetLimits(gateway.fleet, loop: loop, gateway.configuration)
        let policy: any SessionPolicy =
            if let continued {
                ContinuationPolicy(
                    caller, continued, admission: admission, tokens: tokens, api: api, fleet: fleet)
            } else {
                CallerPolicy(caller, admission: admission, tokens: tokens, api: api, fleet: fleet)
            }
        let session = make(client, dialect, parameters, policy, key, continued, trace.context)
        let place = client.place
        let log = log.with(session.summary, trace.context)
        let number = calls.add(session, address: place?.address ?? caller.address)
        session.onMilestone = { [report, counters, unowned session] milestone in
            trace.note(milestone)
            counters.note(milestone, age: session.age)
            guard milestone == .joined else { return }
            report.started(session.snapshot, address: place?.address ?? caller.address, isContinued: continued != nil)
        }
        session.onEnded = { [report, resumable, calls, hangUps, unowned session] record in
            calls.remove(number)
            if let call = session.dialect.carrierCall {
                hangUps.sessionEnded(call, record.end, session: record.summary.id)
            }
            report.ended(record, trace, address: place?.address ?? caller.address)
            // The session is counted until now, even when it waited for its client.
            withExtendedLifetime(place) {}
            if let key { resumable.remove(key) }
        }
        if let key {
            resumable.add(session, of: client, key)
            client.onLost = { [resumable] session, loss in resumable.clientLost(session, key, loss, log) }
        }
        if continued != nil { continuedCounter.add() }
        log.info(
            continued == nil ? "client connected" : "client comes from another gateway", ["endpoint": path])
        return session
    }

    /// A session that only tells the client which of its parameters cannot be.
    func refuse(
        _ client: SocketClient, _ caller: Caller, _ dialect: any ClientDialect, _ parameters: SessionParameters,
        _ mistake: InvalidParameter
    ) -> BridgeSession {
        let session = make(client, dialect, parameters)
        refuse(session, caller, SessionRefusal(mistake))
        return session
    }

    private func refuse(_ session: BridgeSession, _ caller: Caller, _ refusal: SessionRefusal) {
        admission.note(refusal, caller.address)
        session.refuse(refusal)
    }

    /// The session that a client wants to continue; if that is over, one that only tells the client so.
    func resume(
        _ client: SocketClient, _ caller: Caller, _ dialect: any ClientDialect, _ parameters: SessionParameters,
        _ token: String, path: String
    ) -> BridgeSession {
        do throws(SessionRefusal) {
            if let session = resumable[token] { try caller.checkCertificate(names: session.summary.identity) }
        } catch {
            let session = make(client, dialect, parameters)
            refuse(session, caller, error)
            return session
        }
        if let session = resumable.resume(token, with: client) {
            let log = log.with(session.summary, session.snapshot.trace)
            let key = ResumeToken.key(of: token)
            client.onLost = { [resumable] session, loss in resumable.clientLost(session, key, loss, log) }
            log.info("client came back", ["endpoint": path])
            return session
        }
        let session = make(client, dialect, parameters)
        let message = "this server keeps no sessions; connect without \"session\" to begin a new one"
        refuse(
            session, caller,
            keepsSessions
                ? ContinuationPolicy.expired
                : SessionRefusal(ClientError(.sessionExpired, message), .sessionExpired))
        return session
    }

    private func make(
        _ client: SocketClient, _ dialect: any ClientDialect, _ parameters: SessionParameters,
        _ policy: (any SessionPolicy)? = nil, _ key: String? = nil, _ continued: SessionClaim? = nil,
        _ trace: TraceContext? = nil
    ) -> BridgeSession {
        var random = SecureRandom()
        let gateway = gateway
        let begin = UnixClock.seconds()
        let token = key.map { key in
            { (claim: SessionClaim) in
                ResumeToken.make(
                    key, claim, gateway: gateway.id, begin: begin, secret: gateway.credentials.secret)
            }
        }
        return BridgeSession(
            client: client, dialect: dialect, parameters: parameters, environment: environment, policy: policy,
            resumeToken: token, continued: continued, trace: trace,
            random: &random)
    }
}

extension Log {
    /// For lines about one call.
    fileprivate func with(_ summary: SessionSummary, _ trace: TraceContext?) -> Log {
        with([
            "session": summary.id, "room": summary.room, "identity": summary.identity,
            "trace_id": trace?.traceText ?? "",
        ])
    }
}
