internal import LiveKitParticipant
internal import Observability
internal import Shard
internal import Signalling

/// What the HTTP interface wants of the room server. Completions are called once, on the same loop.
protocol RoomServerAccess: AnyObject {
    /// Sees to it that a room is there and has an agent; one that is there or on its way is enough.
    ///
    /// - Parameter completion: whether an agent comes; the error when nobody could join the room either.
    func open(
        _ room: String, agent: String, metadata: String, completion: @escaping (Result<Bool, ServerAPIError>) -> Void)

    /// Ends a room and sends everybody in it away.
    func endRoom(_ name: String, completion: @escaping (Result<Void, ServerAPIError>) -> Void)

    /// Asks whether the server answers, and accepts our keys; nil when it does.
    func check(completion: @escaping (ServerAPIError?) -> Void)
}

/// The room server by its API.
///
/// Belongs to the loop's thread.
final class RoomServerCalls: RoomServerAccess {
    /// How long it may take to find out whether the server is there.
    static let checkTimeout: Duration = .seconds(3)
    /// A room that is asked for and never made.
    static let nobodysRoom = "voicegateway-readiness"

    private let api: ServerAPI
    private let loop: EventLoop
    private let placements: AgentPlacements
    private let log: Log

    /// - Parameter placements: shared by all loops.
    init(api: ServerAPI, loop: EventLoop, placements: AgentPlacements, log: Log) {
        self.log = log
        self.api = api
        self.loop = loop
        self.placements = placements
    }

    func open(
        _ room: String, agent: String, metadata: String, completion: @escaping (Result<Bool, ServerAPIError>) -> Void
    ) {
        placements.once(agent: agent, room: room, on: loop, completion: completion) { [self] done in
            // A room that is new gets the agent as it is made, however many gateways are asked for it at once. An agent
            // without a name comes to every room for which nobody says otherwise, and shall come to this one, too.
            let request = CreateRoomRequest.with {
                $0.name = room
                $0.agents = [
                    .with {
                        $0.agentName = agent
                        $0.metadata = metadata
                    }, RoomAgentDispatch(),
                ]
            }
            api.send(.createRoom(request)) { [self] result in
                if case .failure(let error) = result { return done(.failure(error)) }
                addAgent(agent, to: room, metadata, done)
            }
        }
    }

    /// Dispatches an agent to a room that is there, unless it has been. (Servers answer nothing sensible about the
    /// dispatches of rooms that are not there.)
    private func addAgent(
        _ agent: String, to room: String, _ metadata: String,
        _ completion: @escaping (Result<Bool, ServerAPIError>) -> Void
    ) {
        api.send(.listDispatch(in: room)) { [self] result in
            switch result {
            case .success(let response):
                if response.agentDispatches.contains(where: { $0.isOpen(for: agent) }) {
                    return completion(.success(true))
                }
                let request = CreateAgentDispatchRequest.with {
                    $0.room = room
                    $0.agentName = agent
                    $0.metadata = metadata
                }
                api.send(.createDispatch(request)) { [self] in completion(outcome($0, room, agent)) }
            case .failure: completion(outcome(result, room, agent))
            }
        }
    }

    private func outcome<Response>(
        _ result: Result<Response, ServerAPIError>, _ room: String, _ agent: String
    ) -> Result<Bool, ServerAPIError> {
        switch result {
        case .success: return .success(true)
        case .failure(let error):
            log.warning("agent not dispatched", ["room": room, "agent": agent, "error": error.summary])
            // An error about the agent alone leaves the room usable.
            if case .refused = error, error.blame != .operator { return .success(false) }
            return .failure(error)
        }
    }

    func endRoom(_ name: String, completion: @escaping (Result<Void, ServerAPIError>) -> Void) {
        api.send(.deleteRoom(name)) { completion($0.map { _ in }) }
    }

    func check(completion: @escaping (ServerAPIError?) -> Void) {
        api.send(.listParticipants(in: Self.nobodysRoom), timeout: Self.checkTimeout) { result in
            switch result {
            case .success: completion(nil)
            // An answer that only a server gives who has accepted the token.
            case .failure(let error) where error.code == .notFound: completion(nil)
            case .failure(let error): completion(error)
            }
        }
    }
}

extension AgentDispatch {
    /// Whether it still brings, or has brought, an agent of that name: not all its jobs are over.
    fileprivate func isOpen(for agent: String) -> Bool {
        guard agentName == agent, (state?.deletedAt ?? 0) == 0 else { return false }
        let jobs = state?.jobs ?? []
        return jobs.isEmpty
            || jobs.contains { job in
                guard let status = job.state?.status else { return true }
                return status != .success && status != .failed
            }
    }
}
