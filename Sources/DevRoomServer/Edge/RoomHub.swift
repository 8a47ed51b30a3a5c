internal import EventLoops
internal import Observability
internal import SecureTransport
internal import Signalling
internal import Wire

/// All rooms of the server, and the agents that are dispatched to them.
final class RoomHub {
    /// Rooms at a time; more are refused.
    static let maximumRooms = 10_000

    let environment: ServerEnvironment
    private(set) var rooms: [String: RoomHost] = [:]
    var agents: AgentDispatches
    private var workers: [String: WorkerSession] = [:]
    private var parrots: [String: Parrot] = [:]
    private var agentTimer: LoopTimer?
    private var isDraining = false

    init(_ environment: ServerEnvironment, isParrotEnabled: Bool) {
        self.environment = environment
        agents = AgentDispatches(
            server: environment.server, isParrotEnabled: isParrotEnabled, random: SecureRandom())
        agentTimer = LoopTimer(loop: environment.loop) { [unowned self] in
            agents.handleTimeout(environment.time)
            drainAgents()
        }
    }

    /// The room of that name; made, with its agents, if it is not there.
    func room(_ name: String, configuration: RoomConfiguration = RoomConfiguration()) -> RoomHost? {
        if let known = rooms[name] { return known }
        guard rooms.count < Self.maximumRooms else { return nil }
        let host = RoomHost(
            environment,
            room: Room(
                name: name, configuration: configuration, server: environment.server, time: environment.time,
                random: SecureRandom()), delegate: self)
        rooms[name] = host
        host.log.info("room created")
        agents.roomCreated(host.room.info, agents: configuration.agents, environment.time)
        drainAgents()
        return host
    }

    /// No room and no worker is left.
    var isIdle: Bool { rooms.isEmpty && workers.isEmpty }

    /// Ends everything: clients are told that the server goes.
    func close() {
        for host in Array(rooms.values) { host.perform { $0.close(.serverShutdown, environment.time) } }
        for worker in Array(workers.values) { worker.close() }
        workers = [:]
        agentTimer?.cancel()
    }

    // MARK: Workers

    func opened(_ worker: WorkerSession) { workers[worker.id] = worker }

    func closed(_ worker: WorkerSession) {
        guard workers.removeValue(forKey: worker.id) != nil else { return }
        agents.remove(worker: worker.id, environment.time)
        drainAgents()
    }

    /// Carries out what the dispatcher decided.
    func drainAgents() {
        guard !isDraining else { return }
        isDraining = true
        while let output = agents.poll() { carryOut(output) }
        isDraining = false
        agentTimer?.follow(agents.nextDeadline)
    }

    private func carryOut(_ output: AgentOutput) {
        switch output {
        case .send(let message, let worker): workers[worker]?.send(message)
        case .assign(let job, let answer, let permissions, let worker):
            workers[worker]?.assign(job, answer, permissions)
        case .startParrot(let job):
            guard let host = job.room.flatMap({ rooms[$0.name] }) else { return }
            parrots[job.id] = Parrot(job, host: host, environment: environment)
        case .stopParrot(let job): parrots.removeValue(forKey: job)?.leave()
        }
    }
}

extension RoomHub: RoomHostDelegate {
    func room(_ host: RoomHost, joined participant: ParticipantInfo) {
        agents.participantJoined(host.room.info, participant, environment.time)
        drainAgents()
    }

    func room(_ host: RoomHost, published participant: ParticipantInfo) {
        agents.participantPublished(host.room.info, participant, environment.time)
        drainAgents()
    }

    func room(_ host: RoomHost, left participant: ParticipantInfo) {
        agents.participantLeft(host.room.name, identity: participant.identity, environment.time)
        for (job, parrot) in parrots where parrot.identity == participant.identity { parrots[job] = nil }
        drainAgents()
    }

    func roomClosed(_ host: RoomHost) {
        guard rooms[host.room.name] === host else { return }
        rooms[host.room.name] = nil
        agents.roomClosed(host.room.name, environment.time)
        drainAgents()
    }
}
