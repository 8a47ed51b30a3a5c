internal import Bridge
internal import EventLoops
internal import HTTP
internal import LiveKitParticipant
internal import Observability
internal import SecureTransport
internal import Signalling
internal import WebSocket
internal import Wire

/// A visit to a room of its own, as a caller's participant makes it: joins, speaks, asks for the agent and listens to it. The
/// room is gone afterwards.
///
/// Belongs to the loop's thread.
final class RoomVisit {
    struct Plan {
        let server: HTTPURL
        let agent: String
        /// By which proxy the server is reached.
        let outgoing: OutgoingProxy
        /// What the agent is asked when it does not greet.
        let text: String
        /// How long to wait for the agent, and then for its answer.
        let patience: Duration
    }

    static let identity = "voicegateway-doctor"
    /// How long media may take at most.
    static let mediaPatience: Duration = .seconds(10)
    /// How long answers of TURN servers are waited for.
    static let relayPatience: Duration = .seconds(5)
    /// The token is for one visit, in seconds.
    static let tokenLifetime: Int64 = 600

    let plan: Plan
    let api: ServerAPI
    let room: String
    private let loop: EventLoop
    private let participant: RoomParticipant
    private let voice: RoomVisitVoice
    private var ear: RoomVisitEar!
    private var steps: [ExaminationStep: Result<String, Ailment>] = [:]
    private var waiting: (step: ExaminationStep, completion: (Result<String, Ailment>) -> Void)?
    private var timer: LoopTimer?
    private var relays: RelayExamination?
    private var wasCreated = false
    private var isOver = false

    init(
        loop: EventLoop, plan: Plan, credentials: APICredentials, speech: CallSpeech, api: ServerAPI,
        authorities: TLSClientContext?, transports: OpenSSLTransportFactory, log: Log
    ) {
        self.loop = loop
        self.plan = plan
        self.api = api
        var random = SecureRandom()
        room = "voicegateway-doctor-" + String(UInt32.random(in: 0...UInt32.max, using: &random), radix: 16)
        let now = UnixClock.seconds()
        let token = AccessToken.with { [room] in
            $0.key = credentials.key
            $0.identity = Self.identity
            $0.video = .join(room: room)
            $0.notBefore = now
            $0.expiresAt = now + Self.tokenLifetime
        }
        var configuration = ParticipantConfiguration(
            server: plan.server, token: token.signed(secret: credentials.secret, .openSSL))
        // What fails once shall be told at once.
        configuration.joinRetries = 0
        configuration.mediaTimeout = Self.mediaPatience * 2
        participant = RoomParticipant(
            loop: loop,
            environment: ParticipantEnvironment(
                webSockets: WebSocketContext(loop: loop, trust: authorities, proxy: plan.outgoing.proxy),
                transports: transports,
                authentication: .openSSL),
            random: random, configuration: configuration, log: log)
        voice = RoomVisitVoice(loop: loop, track: participant.publishMicrophone(), speech: speech)
        participant.delegate = self
        ear = RoomVisitEar(loop: loop, patience: plan.patience) { [unowned self] in handle($0) }
        timer = LoopTimer(loop: loop) { [unowned self] in timedOut() }
    }

    /// Makes the room and joins it.
    func start() {
        let request = CreateRoomRequest.with { $0.name = room }
        api.send(.createRoom(request)) { [self] result in
            switch result {
            case .success:
                wasCreated = true
                if !isOver { participant.connect() }
            case .failure(let error): note(.room, .failure(.roomRefused(error)))
            }
        }
    }

    /// - Parameter completion: called once, when the step has been taken or has failed; at once if it has already.
    func await(_ step: ExaminationStep, _ completion: @escaping (Result<String, Ailment>) -> Void) {
        if let result = steps[step] { return completion(result) }
        waiting = (step, completion)
        switch step {
        case .media, .microphone: timer?.arm(after: min(Self.mediaPatience, plan.patience))
        case .turn: examineRelays()
        case .dispatch: dispatch()
        case .agent: timer?.arm(after: plan.patience)
        default: break
        }
    }

    /// Leaves, and ends the room.
    func end(completion: @escaping () -> Void) {
        isOver = true
        timer?.cancel()
        relays?.cancel()
        voice.stop()
        ear.stop()
        participant.leave(.clientInitiated)
        guard wasCreated else { return completion() }
        api.send(.deleteRoom(room), timeout: .seconds(3)) { _ in completion() }
    }

    // MARK: Steps

    private func note(_ step: ExaminationStep, _ result: Result<String, Ailment>) {
        guard steps[step] == nil, !isOver else { return }
        steps[step] = result
        guard let waiting, waiting.step == step else { return }
        self.waiting = nil
        timer?.cancel()
        waiting.completion(result)
    }

    private func fail(_ ailment: Ailment) {
        if let waiting { note(waiting.step, .failure(ailment)) }
    }

    private func timedOut() {
        switch waiting?.step {
        case .media:
            let announced = participant.mediaAddresses.announced
            fail(.media(participant.mediaUnreachable, announced: announced))
        case .microphone: fail(.microphone("it says nothing about our track"))
        case .agent: askWhyNoAgentCame()
        default: break
        }
    }

    /// What TURN servers say is told and is no failure: media has come up without them, or by one of them.
    private func examineRelays() {
        relays = participant.examineRelays(patience: Self.relayPatience) { [unowned self] findings in
            let texts = findings.map { finding in
                let outcome = finding.time.map { "an address after \($0.nanoseconds / 1_000_000) ms" } ?? finding.reason
                return "\(finding.server): \(outcome)"
            }
            note(
                .turn, .success(texts.isEmpty ? "the room server names no TURN server" : texts.joined(separator: "; ")))
        }
    }

    private func dispatch() {
        let request = CreateAgentDispatchRequest.with {
            $0.room = room
            $0.agentName = plan.agent
            $0.metadata = "{}"
        }
        api.send(.createDispatch(request)) { [self] result in
            switch result {
            case .success: note(.dispatch, .success("the agent \"\(plan.agent)\" is asked for"))
            case .failure(let error): note(.dispatch, .failure(.dispatch(error)))
            }
        }
    }

    private func askWhyNoAgentCame() {
        api.send(.listDispatch(in: room)) { [self] result in
            let dispatches = (try? result.get())?.agentDispatches ?? []
            let reason: Ailment.MissingAgent =
                switch AgentAbsence(of: plan.agent, among: dispatches) {
                case .notAsked, .notTaken: .noWorker
                case .notJoined, .declined: .late
                case .failed(_, _, _, let error): .failed(CallEventText.clean(error))
                }
            fail(.agent(reason, after: plan.patience))
        }
    }

    private func handle(_ output: ReplyWatch.Output) {
        switch output {
        case .ask: ask()
        case .heard(let isGreeting, let delay):
            let time = CallEventText.seconds(delay)
            note(
                .reply,
                .success(isGreeting ? "the agent greets, \(time) after it came" : "the agent answers, after \(time)"))
        case .failed(let missing): note(.reply, .failure(.reply(missing)))
        }
    }

    private func ask() {
        voice.speak()
        do throws(DataSendError) {
            try participant.data.sendText(plan.text, topic: RoomTopics.chat)
        } catch {
            ear.couldNotAsk("\(error)")
        }
    }
}

extension RoomVisit: RoomParticipantDelegate {
    func participant(_ participant: RoomParticipant, event: ParticipantEvent) {
        switch event {
        case .joined(let room, let own): note(.room, .success("in the room \(room.name) as \(own.identity)"))
        case .connected:
            voice.start()
            let path = participant.mediaAddresses.selected
            let way = participant.mediaPath ?? "UDP"
            note(.media, .success("\(way) gets through" + (path.map { ", to \($0)" } ?? "")))
        case .microphonePublished(let track): note(.microphone, .success("published as \(track.sid)"))
        case .microphoneRefused(let reason): note(.microphone, .failure(.microphone(reason)))
        case .room(let change): changed(change)
        case .trackSubscribed(let track): ear.listen(to: track)
        case .transcript(let update): if ear.agent == update.identity { ear.read() }
        case .chat(_, let sender): if ear.agent == sender { ear.read() }
        case .disconnected(let ending): ended(ending)
        default: break
        }
    }

    private func changed(_ change: RoomChange) {
        switch change {
        case .participantJoined(let info), .attributesChanged(let info, _):
            guard RoomAgents.isAgent(info) else { return }
            if ear.agent == nil {
                ear.arrived(info.identity)
                note(.agent, .success("\(info.identity) joins"))
            }
            if ear.agent == info.identity { ear.stateChanged(info.attributes[RoomTopics.agentState]) }
        case .participantLeft(let info, _): if ear.agent == info.identity { ear.left() }
        default: break
        }
    }

    private func ended(_ ending: ParticipantEnding) {
        let error =
            switch ending {
            case .left: ParticipantError(.removed(.clientInitiated))
            case .removed(let reason): ParticipantError(.removed(reason))
            case .failed(let error): error
            }
        switch waiting?.step {
        case .room: fail(.room(error))
        case .media: fail(.media(error, announced: []))
        case nil:
            // Between two steps, or before any is waited for.
            for step in [ExaminationStep.room, .media, .turn, .microphone, .agent, .reply] where steps[step] == nil {
                steps[step] = .failure(.sentAway(error))
            }
        default: fail(.sentAway(error))
        }
    }
}
