internal import LiveKitParticipant
internal import Shard
internal import Signalling

/// What the HTTP interface wants of the room server. Completions are called once, on the same loop.
protocol RoomServerAccess: AnyObject {
    /// Sees to it that an agent is dispatched to a room; one that is there already is enough.
    ///
    /// - Parameter isNewRoom: the name was made up just now, so that nobody can be there.
    func placeAgent(
        _ agent: String, in room: String, isNewRoom: Bool, metadata: String,
        completion: @escaping (Result<Void, ServerAPIError>) -> Void)

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

    /// - Parameter placements: shared by all loops.
    init(api: ServerAPI, loop: EventLoop, placements: AgentPlacements) {
        self.api = api
        self.loop = loop
        self.placements = placements
    }

    func placeAgent(
        _ agent: String, in room: String, isNewRoom: Bool, metadata: String,
        completion: @escaping (Result<Void, ServerAPIError>) -> Void
    ) {
        guard !isNewRoom else { return createDispatch(agent, room, metadata, completion) }
        placements.once(agent: agent, room: room, on: loop, completion: completion) { [self] done in
            api.send(.listDispatch(in: room)) { [self] result in
                switch result {
                case .success(let response) where response.agentDispatches.contains { $0.isOpen(for: agent) }:
                    done(.success(()))
                case .success: createDispatch(agent, room, metadata, done)
                // A room that does not exist yet has none.
                case .failure(let error) where error.code == .notFound: createDispatch(agent, room, metadata, done)
                case .failure(let error): done(.failure(error))
                }
            }
        }
    }

    private func createDispatch(
        _ agent: String, _ room: String, _ metadata: String,
        _ completion: @escaping (Result<Void, ServerAPIError>) -> Void
    ) {
        let request = CreateAgentDispatchRequest.with {
            $0.room = room
            $0.agentName = agent
            $0.metadata = metadata
        }
        api.send(.createDispatch(request)) { completion($0.map { _ in }) }
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
