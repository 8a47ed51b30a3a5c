internal import Signalling

/// A worker that is connected to `/agent` and has registered.
struct AgentWorker: Hashable {
    let id: String
    let agentName: String
    let namespace: String
    let jobType: JobType
    let deployment: String
    /// For the tokens of its jobs; nil for everything an agent needs.
    let permissions: ParticipantPermission?
    var status = WorkerStatus.available
    /// 0 (idle) to 1.
    var load: Float = 0

    init(id: String, _ request: RegisterWorkerRequest) {
        self.id = id
        agentName = request.agentName
        namespace = request.namespace ?? ""
        jobType = request.type
        deployment = request.deployment
        permissions = request.allowedPermissions
    }

    /// Whether the worker is one for this job.
    func serves(_ job: Job) -> Bool {
        agentName == job.agentName && namespace == job.namespace && jobType == job.type && deployment == job.deployment
    }
}

/// The workers that may be offered jobs.
struct AgentWorkers {
    /// Workers of one server; more are refused.
    static let maximumWorkers = 256

    private(set) var workers: [AgentWorker] = []

    subscript(_ id: String) -> AgentWorker? { workers.first { $0.id == id } }

    mutating func add(_ worker: AgentWorker) { workers.append(worker) }

    mutating func remove(_ id: String) -> AgentWorker? {
        workers.firstIndex { $0.id == id }.map { workers.remove(at: $0) }
    }

    mutating func update(_ id: String, _ status: UpdateWorkerStatus) {
        guard let index = workers.firstIndex(where: { $0.id == id }) else { return }
        if let status = status.status { workers[index].status = status }
        workers[index].load = max(0, min(1, status.load.isFinite ? status.load : 1))
    }

    /// Whether anybody has registered under the name, for whatever kind of job.
    func isKnown(agentName: String) -> Bool { workers.contains { $0.agentName == agentName } }

    func hasWorker(for job: Job) -> Bool { workers.contains { $0.serves(job) } }

    /// A worker for the job, by chance weighted with how idle each is.
    func choose(
        for job: Job, except refused: Set<String>, using random: inout some RandomNumberGenerator
    ) -> AgentWorker? {
        let able = workers.filter { $0.serves(job) && $0.status == .available && !refused.contains($0.id) }
        // Even a fully loaded worker is asked when there is no other; it may say no.
        let weights = able.map { max(0.001, 1 - Double($0.load)) }
        var point = Double.random(in: 0..<max(0.001, weights.reduce(0, +)), using: &random)
        for (worker, weight) in zip(able, weights) {
            point -= weight
            if point < 0 { return worker }
        }
        return able.last
    }
}
