internal import Signalling
internal import Wire

/// What the dispatcher wants done.
enum AgentOutput: Hashable {
    case send(ServerMessage.Message, to: String)
    /// Give the job to the worker: mint its token and send the assignment.
    case assign(Job, AvailabilityResponse, permissions: ParticipantPermission?, to: String)
    /// Let the built-in agent take the job.
    case startParrot(Job)
    case stopParrot(job: String)
}

/// Which agents shall be in which rooms, and which workers provide them: dispatches become jobs, jobs are offered to
/// workers (docs/livekit-protocol.md#agent-workers). Pure; drain `poll()` after each call that mutates.
///
/// Kinder than LiveKit's own server in one point: a job that no worker took waits for workers that register later,
/// since a developer often starts the worker after the room. The parrot stands in meanwhile, and never beside a worker.
struct AgentDispatches {
    /// How long a worker may take to answer an offer.
    static let availabilityTimeout: Duration = .seconds(10)
    /// How long a named agent's worker is waited for before the parrot steps in.
    static let parrotDelay: Duration = .milliseconds(300)
    /// Dispatches of one room; more are refused.
    static let maximumDispatchesPerRoom = 64
    /// Stands in for a worker's id in the parrot's jobs.
    static let parrotWorkerID = "AW_parrot"

    private enum Phase: Hashable {
        /// No worker has taken it yet.
        case waiting
        /// Until then a worker of that name may still register.
        case expectingWorker(until: Instant)
        case offered(worker: String, until: Instant)
        case running(worker: String)
        case ended
    }

    private struct JobRecord {
        var job: Job
        var phase = Phase.waiting
        var refusedBy: Set<String> = []
        /// The parrot is in the room for this job until a worker takes it, or another job of the room.
        var hasParrot = false

        var isOver: Bool { phase == .ended }

        /// Whether a worker has agreed to take it, or has ended it.
        var isTaken: Bool {
            switch phase {
            case .waiting, .expectingWorker, .offered: hasParrot
            case .running, .ended: true
            }
        }
    }

    let isParrotEnabled: Bool
    private var dispatches: [AgentDispatch] = []
    private var jobs: [JobRecord] = []
    private(set) var workers = AgentWorkers()
    private let server: ServerDescription
    private var random: any RandomNumberGenerator
    private var outputs: [AgentOutput] = []

    init(server: ServerDescription, isParrotEnabled: Bool, random: any RandomNumberGenerator) {
        self.server = server
        self.isParrotEnabled = isParrotEnabled
        self.random = random
    }

    mutating func poll() -> AgentOutput? { outputs.isEmpty ? nil : outputs.removeFirst() }

    /// When `handleTimeout` wants to be called.
    var nextDeadline: Instant? {
        jobs.compactMap { record in
            switch record.phase {
            case .expectingWorker(let deadline), .offered(_, let deadline): deadline
            case .waiting, .running, .ended: nil
            }
        }.min()
    }

    mutating func handleTimeout(_ time: ServerTime) {
        for index in jobs.indices {
            switch jobs[index].phase {
            case .expectingWorker(let deadline) where deadline <= time.now: bringParrot(index, time)
            case .offered(let worker, let deadline) where deadline <= time.now:
                // Silence is an answer, too; others may be quicker.
                jobs[index].refusedBy.insert(worker)
                launch(index, time)
            default: break
            }
        }
    }

    // MARK: Rooms

    /// A room was made: its configured agents are dispatched, or else whatever workers without a name are there.
    mutating func roomCreated(_ room: RoomInfo, agents: [RoomAgentDispatch], _ time: ServerTime) {
        let wanted = agents.isEmpty ? [RoomAgentDispatch()] : agents
        for agent in wanted.prefix(Self.maximumDispatchesPerRoom) {
            _ = add(
                room,
                .with {
                    $0.agentName = agent.agentName
                    $0.room = room.name
                    $0.metadata = agent.metadata
                    $0.restartPolicy = agent.restartPolicy
                    $0.deployment = agent.deployment
                    $0.attributes = agent.attributes
                }, time)
        }
    }

    mutating func roomClosed(_ name: String, _ time: ServerTime) {
        for dispatch in dispatches where dispatch.room == name { endJobs(of: dispatch.id, time) }
        dispatches.removeAll { $0.room == name }
        jobs.removeAll { $0.job.room?.name == name }
    }

    /// Jobs for a single participant go to workers that asked for that kind.
    mutating func participantJoined(_ room: RoomInfo, _ participant: ParticipantInfo, _ time: ServerTime) {
        launchForParticipant(room, participant, .participant, time)
    }

    mutating func participantPublished(_ room: RoomInfo, _ participant: ParticipantInfo, _ time: ServerTime) {
        launchForParticipant(room, participant, .publisher, time)
    }

    private mutating func launchForParticipant(
        _ room: RoomInfo, _ participant: ParticipantInfo, _ type: JobType, _ time: ServerTime
    ) {
        guard participant.kind != .agent, participant.kind != .egress else { return }
        for dispatch in dispatches where dispatch.room == room.name {
            var job = makeJob(dispatch, room, type)
            job.participant = participant
            guard workers.hasWorker(for: job) else { continue }
            jobs.append(JobRecord(job: job))
            launch(jobs.count - 1, time)
        }
    }

    /// An agent left its room: its job is over, whatever its worker believes.
    mutating func participantLeft(_ room: String, identity: String, _ time: ServerTime) {
        for index in jobs.indices where jobs[index].job.room?.name == room && !jobs[index].isOver {
            guard jobs[index].job.state?.participantIdentity == identity else { continue }
            if case .running(let worker) = jobs[index].phase {
                outputs.append(.send(.termination(.with { $0.jobId = jobs[index].job.id }), to: worker))
                end(index, .failed, "agent worker left the room", time)
            } else if jobs[index].hasParrot {
                jobs[index].hasParrot = false
                end(index, .success, "", time)
            }
        }
    }

    // MARK: Dispatches

    /// Dispatches an agent to a room that exists.
    mutating func create(
        _ request: CreateAgentDispatchRequest, in room: RoomInfo, _ time: ServerTime
    ) throws(TwirpError) -> AgentDispatch {
        guard dispatches.count(where: { $0.room == room.name }) < Self.maximumDispatchesPerRoom else {
            throw TwirpError(.resourceExhausted, "the room has too many dispatches")
        }
        let id = add(room, request, time)
        return dispatches.first { $0.id == id }.map(withJobs) ?? AgentDispatch()
    }

    private mutating func add(_ room: RoomInfo, _ request: CreateAgentDispatchRequest, _ time: ServerTime) -> String {
        let dispatch = AgentDispatch.with {
            $0.id = ServerIdentifier.make(ServerIdentifier.dispatch, using: &random)
            $0.agentName = request.agentName
            $0.room = room.name
            $0.metadata = request.metadata
            $0.restartPolicy = request.restartPolicy
            $0.deployment = request.deployment
            $0.attributes = request.attributes
            $0.state = .with { $0.createdAt = time.unixNanoseconds }
        }
        dispatches.append(dispatch)
        jobs.append(JobRecord(job: makeJob(dispatch, room, .room)))
        launch(jobs.count - 1, time)
        return dispatch.id
    }

    /// Takes a dispatch back and ends its jobs; nil when there is none such.
    mutating func delete(_ id: String, room: String, _ time: ServerTime) -> AgentDispatch? {
        guard let index = dispatches.firstIndex(where: { $0.id == id && $0.room == room }) else { return nil }
        endJobs(of: id, time)
        var dispatch = withJobs(dispatches.remove(at: index))
        dispatch.state?.deletedAt = time.unixNanoseconds
        jobs.removeAll { $0.job.dispatchId == id }
        return dispatch
    }

    /// The dispatches of a room, or the one with this id, with their jobs.
    func list(room: String, id: String) -> [AgentDispatch] {
        dispatches.filter { $0.room == room && (id.isEmpty || $0.id == id) }.map(withJobs)
    }

    /// As LiveKit's server has it: a job that nobody has taken is not told.
    private func withJobs(_ dispatch: AgentDispatch) -> AgentDispatch {
        var dispatch = dispatch
        dispatch.state?.jobs = jobs.filter { $0.job.dispatchId == dispatch.id && $0.isTaken }.map(\.job)
        return dispatch
    }

    // MARK: Jobs

    private mutating func makeJob(_ dispatch: AgentDispatch, _ room: RoomInfo, _ type: JobType) -> Job {
        .with {
            $0.id = ServerIdentifier.make(ServerIdentifier.job, using: &random)
            $0.dispatchId = dispatch.id
            $0.type = type
            $0.room = room
            $0.metadata = dispatch.metadata
            $0.agentName = dispatch.agentName
            $0.deployment = dispatch.deployment
            $0.attributes = dispatch.attributes
            $0.state = JobState()
        }
    }

    /// Offers a job to a worker, or waits for one.
    private mutating func launch(_ index: Int, _ time: ServerTime) {
        let record = jobs[index]
        if let worker = workers.choose(for: record.job, except: record.refusedBy, using: &random) {
            jobs[index].phase = .offered(worker: worker.id, until: time.now + Self.availabilityTimeout)
            // The worker's process uses the job of the offer, so the offer has its final state already.
            jobs[index].job.state = .with {
                $0.status = .running
                $0.workerId = worker.id
                $0.startedAt = time.unixNanoseconds
                $0.updatedAt = time.unixNanoseconds
            }
            outputs.append(.send(.availability(.with { $0.job = jobs[index].job }), to: worker.id))
            return
        }
        jobs[index].job.state = jobs[index].hasParrot ? parrotState(of: record.job, time) : JobState()
        let mayBecomeParrot =
            isParrotEnabled && record.job.type == .room && !record.job.agentName.isEmpty && !record.hasParrot
            && !workers.isKnown(agentName: record.job.agentName)
        jobs[index].phase = mayBecomeParrot ? .expectingWorker(until: time.now + Self.parrotDelay) : .waiting
    }

    /// No worker of that name has come in time: the parrot takes the job, unless another agent has the room or has been
    /// asked to take it. Two voices would answer.
    private mutating func bringParrot(_ index: Int, _ time: ServerTime) {
        jobs[index].phase = .waiting
        let room = jobs[index].job.room?.name
        for other in jobs where other.job.room?.name == room {
            switch other.phase {
            case .running: return
            case .offered(_, let deadline):
                jobs[index].phase = .expectingWorker(until: deadline)
                return
            case .waiting, .expectingWorker, .ended: break
            }
        }
        jobs[index].hasParrot = true
        jobs[index].job.state = parrotState(of: jobs[index].job, time)
        outputs.append(.startParrot(jobs[index].job))
    }

    /// A worker has taken a job of the room: the parrot leaves, and what it stood in for waits for its own worker.
    private mutating func dismissParrots(from room: String?) {
        for index in jobs.indices where jobs[index].hasParrot && jobs[index].job.room?.name == room {
            jobs[index].hasParrot = false
            if jobs[index].phase == .waiting { jobs[index].job.state = JobState() }
            outputs.append(.stopParrot(job: jobs[index].job.id))
        }
    }

    private func parrotState(of job: Job, _ time: ServerTime) -> JobState {
        .with {
            $0.status = .running
            $0.workerId = Self.parrotWorkerID
            $0.startedAt = time.unixNanoseconds
            $0.updatedAt = time.unixNanoseconds
            $0.participantIdentity = "agent-" + job.id
        }
    }

    private mutating func end(_ index: Int, _ status: JobStatus, _ error: String, _ time: ServerTime) {
        jobs[index].phase = .ended
        jobs[index].job.state?.status = status
        jobs[index].job.state?.error = error
        jobs[index].job.state?.endedAt = time.unixNanoseconds
        jobs[index].job.state?.updatedAt = time.unixNanoseconds
    }

    private mutating func endJobs(of dispatch: String, _ time: ServerTime) {
        for index in jobs.indices where jobs[index].job.dispatchId == dispatch {
            switch jobs[index].phase {
            case .running(let worker), .offered(let worker, _):
                outputs.append(.send(.termination(.with { $0.jobId = jobs[index].job.id }), to: worker))
            case .waiting, .expectingWorker, .ended: break
            }
            if jobs[index].hasParrot {
                jobs[index].hasParrot = false
                outputs.append(.stopParrot(job: jobs[index].job.id))
            }
            if !jobs[index].isOver { end(index, .success, "", time) }
        }
    }

    // MARK: Workers

    /// A worker introduces itself; what waits for one like it is offered at once.
    mutating func register(worker id: String, _ request: RegisterWorkerRequest, _ time: ServerTime) {
        workers.add(AgentWorker(id: id, request))
        outputs.append(
            .send(
                .register(
                    .with {
                        $0.workerId = id
                        $0.serverInfo = server.info
                    }), to: id))
        launchWaiting(time)
    }

    private mutating func launchWaiting(_ time: ServerTime) {
        for index in jobs.indices {
            switch jobs[index].phase {
            case .waiting, .expectingWorker:
                if workers.choose(for: jobs[index].job, except: jobs[index].refusedBy, using: &random) != nil {
                    launch(index, time)
                }
            case .offered, .running, .ended: break
            }
        }
    }

    /// A message of a worker that has registered.
    mutating func receive(_ message: WorkerMessage.Message, from worker: String, _ time: ServerTime) {
        switch message {
        case .availability(let answer): answered(answer, by: worker, time)
        case .updateWorker(let status):
            workers.update(worker, status)
            launchWaiting(time)
        case .updateJob(let status): updated(status, by: worker, time)
        case .ping(let ping):
            outputs.append(
                .send(
                    .pong(
                        .with {
                            $0.lastTimestamp = ping.timestamp
                            $0.timestamp = time.unixMilliseconds
                        }), to: worker))
        case .migrateJob(let request):
            for index in jobs.indices where request.jobIds.contains(jobs[index].job.id) {
                guard case .running = jobs[index].phase else { continue }
                jobs[index].phase = .running(worker: worker)
                jobs[index].job.state?.workerId = worker
            }
        case .register, .simulateJob: break
        }
    }

    private mutating func answered(_ answer: AvailabilityResponse, by worker: String, _ time: ServerTime) {
        guard let index = jobs.firstIndex(where: { $0.job.id == answer.jobId }),
            case .offered(worker, _) = jobs[index].phase
        else { return }
        guard answer.available else {
            if answer.terminate { return end(index, .success, "", time) }
            jobs[index].refusedBy.insert(worker)
            return launch(index, time)
        }
        var answer = answer
        if answer.participantIdentity.isEmpty { answer.participantIdentity = "agent-" + answer.jobId }
        jobs[index].phase = .running(worker: worker)
        jobs[index].job.state?.participantIdentity = answer.participantIdentity
        // First: the worker may come under the parrot's identity.
        dismissParrots(from: jobs[index].job.room?.name)
        outputs.append(
            .assign(jobs[index].job, answer, permissions: workers[worker]?.permissions, to: worker))
    }

    private mutating func updated(_ status: UpdateJobStatus, by worker: String, _ time: ServerTime) {
        guard let index = jobs.firstIndex(where: { $0.job.id == status.jobId }),
            case .running(worker) = jobs[index].phase
        else { return }
        if status.status == .success || status.status == .failed {
            end(index, status.status, status.error, time)
        } else {
            jobs[index].job.state?.status = status.status
            jobs[index].job.state?.updatedAt = time.unixNanoseconds
        }
    }

    /// A worker's connection ended. Its offers go to others; its running jobs may outlive the connection, and are
    /// ended by what becomes of their participants.
    mutating func remove(worker id: String, _ time: ServerTime) {
        guard workers.remove(id) != nil else { return }
        for index in jobs.indices {
            if case .offered(id, _) = jobs[index].phase {
                jobs[index].refusedBy.insert(id)
                launch(index, time)
            }
        }
    }
}
