internal import LiveKitParticipant
internal import Observability
internal import Signalling

/// Dispatches that have to be made again. A dispatch is taken back first, and only who has taken it back makes the next
/// one: however many gateways notice, one agent comes.
extension AgentPlacer {
    /// Makes those dispatches of a room again that no worker has taken.
    func renewDispatches(in room: String) {
        remakeDispatches(of: room) { [unixTime] in $0.wasNotTaken(unixTime: unixTime()) }
    }

    /// Brings another agent in place of one whose session is over.
    func replace(agent identity: String, in room: String) {
        remakeDispatches(of: room) { $0.brought(identity) }
    }

    private func remakeDispatches(of room: String, where isMeant: @escaping (AgentDispatch) -> Bool) {
        api.send(.listDispatch(in: room)) { [self] result in
            switch result {
            case .success(let response):
                for dispatch in response.agentDispatches where isMeant(dispatch) { remake(dispatch) { _ in } }
            case .failure(let error): log.warning("dispatches not listed", ["room": room, "error": "\(error)"])
            }
        }
    }

    /// Takes a dispatch back and makes it again.
    ///
    /// - Parameter metadata: what the agent is told; nil for what it would have been told.
    func remake(
        _ old: AgentDispatch, metadata: String? = nil,
        completion: @escaping (Result<Void, ServerAPIError>) -> Void
    ) {
        api.send(.deleteDispatch(old.id, from: old.room)) { [self] result in
            if case .failure(let error) = result {
                // Somebody else was quicker, and makes the next one.
                if error.code == .notFound { return completion(.success(())) }
                log.warning("dispatch not taken back", ["room": old.room, "error": "\(error)"])
                return completion(.failure(error))
            }
            log.info("agent dispatched again", ["room": old.room, "agent": old.agentName])
            let request = CreateAgentDispatchRequest.with {
                $0.room = old.room
                $0.agentName = old.agentName
                $0.metadata = metadata ?? old.metadata
                $0.restartPolicy = old.restartPolicy
                $0.deployment = old.deployment
                $0.attributes = old.attributes
            }
            dispatch(request, completion: completion)
        }
    }
}

extension AgentDispatch {
    /// How long a worker may think about an offer, in seconds (docs/livekit-protocol.md#agent-workers). Until then a server lists no
    /// job.
    private static let offerTime: Int64 = 12

    /// How long after a worker has taken a job its agent may take to join, in seconds. No caller waits longer.
    private static let arrivalTime: Int64 = 60

    private var isDeleted: Bool { (state?.deletedAt ?? 0) != 0 }

    /// Whether a named agent was asked for when no worker was there.
    func wasNotTaken(unixTime: Int64) -> Bool {
        let createdAt = (state?.createdAt ?? 0) / 1_000_000_000
        return !agentName.isEmpty && !isDeleted && (state?.jobs ?? []).isEmpty && createdAt != 0
            && createdAt + Self.offerTime <= unixTime
    }

    /// Whether all of its jobs were taken so long ago that their agents have joined, if they ever do.
    func hasBroughtLong(unixTime: Int64) -> Bool {
        let jobs = state?.jobs ?? []
        return !jobs.isEmpty
            && jobs.allSatisfy { job in
                let startedAt = (job.state?.startedAt ?? 0) / 1_000_000_000
                return startedAt != 0 && startedAt + Self.arrivalTime <= unixTime
            }
    }

    /// Whether an agent of that identity came by it and is in the room.
    func brought(_ identity: String) -> Bool {
        guard !isDeleted else { return false }
        return (state?.jobs ?? []).contains { job in
            guard let state = job.state, state.status != .success, state.status != .failed else { return false }
            return state.participantIdentity == identity || "agent-\(job.id)" == identity
        }
    }

    /// Whether it still brings, or has brought, an agent of that name: not all its jobs are over.
    func isOpen(for agent: String) -> Bool {
        guard agentName == agent, !isDeleted else { return false }
        let jobs = state?.jobs ?? []
        return jobs.isEmpty
            || jobs.contains { job in
                guard let status = job.state?.status else { return true }
                return status != .success && status != .failed
            }
    }
}
