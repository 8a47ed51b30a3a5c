internal import Signalling
internal import Wire

/// Why an agent that was asked for has not come, as far as the room server's list of dispatches tells.
///
/// LiveKit's own server tells little (docs/livekit-protocol.md#agent-workers): of a call that no worker has taken it does
/// not say whether there is a worker, and a job that a worker has taken is running for it whatever becomes of it. Nothing is
/// made of what it does not say.
enum AgentAbsence: FailureConvertible, Hashable {
    /// No dispatch is there: it has been taken back, or was never made.
    case notAsked(agent: String)
    /// No worker has taken the job. There is none, or each is full, or has refused, or thinks about it.
    case notTaken(agent: String)
    /// A worker has it, and its agent is not there.
    case notJoined(agent: String, job: String, worker: String)
    /// The worker has said that it failed.
    case failed(agent: String, job: String, worker: String, error: String)
    /// A worker has answered that nobody shall come, or the job is over already.
    case declined(agent: String, job: String, worker: String)

    /// How much of a worker's own words is kept, in characters.
    private static let maximumErrorLength = 200

    /// - Parameter dispatches: of the agent's room.
    init(of agent: String, among dispatches: [AgentDispatch]) {
        let open = dispatches.filter { $0.agentName == agent && ($0.state?.deletedAt ?? 0) == 0 }
        // One that was made again says more than the one before.
        guard let latest = open.max(by: { ($0.state?.createdAt ?? 0) < ($1.state?.createdAt ?? 0) }) else {
            self = .notAsked(agent: agent)
            return
        }
        let taken = (latest.state?.jobs ?? []).filter { job in
            guard let state = job.state else { return false }
            return state.status != .pending || !state.workerId.isEmpty
        }
        guard let job = taken.max(by: { ($0.state?.startedAt ?? 0) < ($1.state?.startedAt ?? 0) }),
            let state = job.state
        else {
            self = .notTaken(agent: agent)
            return
        }
        self =
            switch state.status {
            case .failed:
                .failed(
                    agent: agent, job: job.id, worker: state.workerId,
                    error: String(state.error.prefix(Self.maximumErrorLength)))
            case .success, .cancelled: .declined(agent: agent, job: job.id, worker: state.workerId)
            default: .notJoined(agent: agent, job: job.id, worker: state.workerId)
            }
    }

    /// Who runs the agents has to do something about each.
    var failure: Failure {
        switch self {
        case .notAsked(let agent):
            Failure("the dispatch of \"\(agent)\" has been taken back", blame: .operator, isRetryable: true)
        case .notTaken(let agent):
            Failure(
                "no worker has taken the call: none is registered as \"\(agent)\", or all are busy", blame: .operator,
                isRetryable: true)
        case .notJoined(let agent, let job, let worker):
            Self.failure(
                "a worker of \"\(agent)\" has taken the call, but its agent is not in the room", job, worker,
                isRetryable: true)
        case .failed(let agent, let job, let worker, _):
            Self.failure(
                "a worker of \"\(agent)\" has taken the call, but its job has failed", job, worker, isRetryable: true)
        case .declined(let agent, let job, let worker):
            Self.failure("a worker of \"\(agent)\" has declined the call", job, worker, isRetryable: false)
        }
    }

    /// What the worker said is not written down: it may be what somebody has said, and is in the worker's own log.
    private static func failure(_ summary: String, _ job: String, _ worker: String, isRetryable: Bool) -> Failure {
        Failure(
            summary, detail: "\(summary) (job \(job), worker \(worker); its log says more)", blame: .operator,
            isRetryable: isRetryable)
    }
}
