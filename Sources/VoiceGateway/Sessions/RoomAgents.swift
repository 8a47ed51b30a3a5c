internal import Bridge
internal import ClientProtocol
internal import EventLoops
internal import LiveKitParticipant
internal import Observability
internal import Signalling

/// The agents of a caller's room, of which the session hears once they listen: carries out what `AgentWatch` decides.
///
/// Belongs to the loop's thread.
final class RoomAgents {
    /// Set by livekit-agents since its sessions answer questions.
    private static let nameAttribute = "lk.agent.name"

    private let participant: RoomParticipant
    private let placer: AgentPlacer
    private let log: Log
    private let tell: (RoomEvent) -> Void
    private var watch = AgentWatch()
    private var room = ""
    private let replacesCaller: Bool
    private let wantsEvents: Bool
    private var timer: LoopTimer?
    /// Answers that are under way, by their stream.
    private var answers: [String: [UInt8]] = [:]
    /// Bytes of an answer that are read, and of an event.
    private static let maximumAnswerBytes = 1 << 10
    static let maximumEventBytes = 64 << 10

    /// - Parameters:
    ///   - replacesCaller: the caller has a participant in the room, whose place this one takes.
    ///   - wantsEvents: what agents say about their sessions is told.
    init(
        participant: RoomParticipant, placer: AgentPlacer, replacesCaller: Bool, wantsEvents: Bool, log: Log,
        tell: @escaping (RoomEvent) -> Void
    ) {
        self.participant = participant
        self.replacesCaller = replacesCaller
        self.wantsEvents = wantsEvents
        self.placer = placer
        self.log = log
        self.tell = tell
        timer = LoopTimer(loop: participant.loop) { [unowned self] in
            watch.handleTimeout(now: self.participant.loop.now)
            drain()
        }
    }

    func cancel() {
        timer?.cancel()
        timer = nil
    }

    /// Whether a participant is an agent of its own, not the face of another one.
    static func isAgent(_ info: ParticipantInfo) -> Bool {
        info.kind == .agent && info.attributes[RoomTopics.publishOnBehalf] == nil
    }

    // MARK: The caller's connection

    func joined(room: String) {
        self.room = room
        watch.joined(replacing: replacesCaller, now: participant.loop.now)
        drain()
    }

    func connected() {
        watch.connected(now: participant.loop.now)
        drain()
    }

    func interrupted() {
        watch.interrupted()
        drain()
    }

    // MARK: Agents

    func arrived(_ info: ParticipantInfo) {
        let state = info.attributes[RoomTopics.agentState]
        let runsAlready = info.attributes[Self.nameAttribute] != nil && state != nil && state != "initializing"
        watch.arrived(info.identity, runsAlready: runsAlready, now: participant.loop.now)
        drain()
    }

    /// Whether the session knows of an agent.
    func isIntroduced(_ identity: String) -> Bool { watch.isIntroduced(identity) }

    /// An agent has left the room.
    ///
    /// - Parameter reason: for people.
    func left(_ identity: String, _ cause: DisconnectReason, reason: String) {
        watch.left(
            identity, mayReturn: cause == .duplicateIdentity, reason: reason, now: participant.loop.now)
        drain()
    }

    /// Reads answers and events.
    func received(_ event: DataStreamEvent) {
        switch event {
        case .opened(let info): if info.topic == AgentSessionMessage.topic { answers[info.id] = [] }
        case .text: break
        case .bytes(let bytes, let info):
            guard let earlier = answers[info.id] else { return }
            let maximum = wantsEvents ? Self.maximumEventBytes : Self.maximumAnswerBytes
            answers[info.id] = earlier.count + bytes.count <= maximum ? earlier + bytes : nil
        case .closed(let info, _, let failure):
            guard let bytes = answers.removeValue(forKey: info.id), failure == nil,
                let message = try? AgentSessionMessage(decoding: bytes)
            else { return }
            // Nobody else speaks for an agent.
            if wantsEvents, let event = message.event, watch.isIntroduced(info.senderIdentity) {
                for event in AgentEvent.events(of: event) { tell(.agentEvent(event)) }
            }
            guard let response = message.response else { return }
            watch.answered(response.requestId)
            drain()
        }
    }

    private func drain() {
        while let output = watch.poll() {
            switch output {
            case .ask(let agent, let request): ask(agent, request)
            case .introduce(let agent):
                if let info = participant.view.participant(identity: agent) {
                    tell(.participantJoined(RoomMember(info)))
                }
            case .welcomeBack(let agent):
                if let info = participant.view.participant(identity: agent) {
                    tell(.participantChanged(RoomMember(info)))
                }
            case .dismiss(let agent, let reason): tell(.participantLeft(identity: agent, reason: reason))
            case .replace(let agent, let wasIntroduced):
                log.info("an agent's session is over, another one is asked for", ["agent": agent])
                if wasIntroduced { tell(.participantLeft(identity: agent, reason: "its session is over")) }
                placer.replace(agent: agent, in: room)
            case .renewDispatches: placer.renewDispatches(in: room)
            }
        }
        participant.data.setIgnored(!watch.awaitsAnswers && !wantsEvents, topic: AgentSessionMessage.topic)
        timer?.follow(watch.nextDeadline)
    }

    private func ask(_ agent: String, _ request: String) {
        let message = AgentSessionMessage.with {
            $0.request = .with {
                $0.requestId = request
                $0.ping = AgentSessionPing()
            }
        }
        do throws(DataSendError) {
            try participant.data.sendBytes(
                message.encoded(), topic: AgentSessionMessage.topic, name: request, to: [agent])
        } catch {
            // Not every token allows data; then nobody can be asked.
            log.debug("agent not asked", ["error": "\(error)"])
            watch.answered(request)
        }
    }
}
