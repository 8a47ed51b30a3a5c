internal import EventLoops
internal import LiveKitParticipant
internal import Observability
internal import Signalling

/// What became of a wish for a room with an agent.
enum AgentPlacement: Sendable {
    /// The agent is in the room or on its way, dispatched with this metadata by whoever was first.
    case placed(metadata: String)
    /// The room is there, but the agent cannot be dispatched to it.
    case roomOnly(ServerAPIError)
}

/// Brings agents to rooms that others may know, too, each agent once.
///
/// Belongs to the loop's thread.
final class AgentPlacer {
    typealias Outcome = Result<AgentPlacement, ServerAPIError>
    /// How long the server may take to say why an agent has not come: a client waits for the answer.
    private static let explanationTimeout = Duration.seconds(2)

    let api: ServerAPI
    private let loop: EventLoop
    private let placements: AgentPlacements
    /// Seconds since 1970.
    let unixTime: () -> Int64
    let log: Log

    /// - Parameter placements: shared by all loops.
    init(
        api: ServerAPI, loop: EventLoop, placements: AgentPlacements, unixTime: @escaping () -> Int64, log: Log
    ) {
        self.api = api
        self.loop = loop
        self.placements = placements
        self.unixTime = unixTime
        self.log = log
    }

    /// Sees to it that a room is there and has an agent; one that is there or on its way is enough.
    ///
    /// - Parameter completion: called once, on the same loop.
    func place(_ agent: String, in room: String, metadata: String, completion: @escaping (Outcome) -> Void) {
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
                add(agent, to: room, metadata, done)
            }
        }
    }

    /// Dispatches an agent to a room that is there, unless it has been. (A server that is asked for the dispatches of
    /// a room that is not there keeps the caller waiting for seconds.)
    private func add(_ agent: String, to room: String, _ metadata: String, _ completion: @escaping (Outcome) -> Void) {
        api.send(.listDispatch(in: room)) { [self] result in
            switch result {
            case .success(let response):
                let open = response.agentDispatches.filter { $0.isOpen(for: agent) }
                let unixTime = unixTime()
                let placed = { (result: Result<Void, ServerAPIError>) in
                    switch result {
                    case .success: completion(.success(.placed(metadata: metadata)))
                    case .failure(let error): completion(.success(.roomOnly(error)))
                    }
                }
                if let dispatch = open.first(where: { !$0.wasNotTaken(unixTime: unixTime) }) {
                    guard dispatch.hasBroughtLong(unixTime: unixTime) else {
                        return completion(.success(.placed(metadata: dispatch.metadata)))
                    }
                    return lookFor(dispatch, metadata, completion, orElse: placed)
                }
                // No worker was there when it was made, and none has been asked since.
                if let stale = open.first { return remake(stale, metadata: metadata, completion: placed) }
                dispatch(agent, to: room, metadata: metadata, completion: placed)
            case .failure(let error): completion(.success(.roomOnly(failed(error, room, agent))))
            }
        }
    }

    /// Makes a dispatch again whose agent has left the room, or has never come. Its job does not say so: servers list jobs as they
    /// were when a worker took them (docs/livekit-protocol.md#agent-workers).
    private func lookFor(
        _ dispatch: AgentDispatch, _ metadata: String, _ completion: @escaping (Outcome) -> Void,
        orElse placed: @escaping (Result<Void, ServerAPIError>) -> Void
    ) {
        api.send(.listParticipants(in: dispatch.room)) { [self] result in
            // Who cannot be asked is no reason for a second agent.
            guard case .success(let response) = result,
                !response.participants.contains(where: { dispatch.brought($0.identity) })
            else { return completion(.success(.placed(metadata: dispatch.metadata))) }
            remake(dispatch, metadata: metadata, completion: placed)
        }
    }

    /// Dispatches an agent by a single call, whoever is in the room.
    func dispatch(
        _ agent: String, to room: String, metadata: String,
        completion: @escaping (Result<Void, ServerAPIError>) -> Void
    ) {
        let request = CreateAgentDispatchRequest.with {
            $0.room = room
            $0.agentName = agent
            $0.metadata = metadata
        }
        dispatch(request, completion: completion)
    }

    func dispatch(
        _ request: CreateAgentDispatchRequest, completion: @escaping (Result<Void, ServerAPIError>) -> Void
    ) {
        api.send(.createDispatch(request)) { [self] result in
            completion(result.map { _ in }.mapError { failed($0, request.room, request.agentName) })
        }
    }

    /// Finds out why an agent has not come, for the operator's log and for whoever asks.
    ///
    /// - Parameter completion: called once, on the same loop, within `explanationTimeout`; with nil when the server does not
    ///   answer.
    func explainAbsence(of agent: String, in room: String, completion: @escaping (AgentAbsence?) -> Void) {
        api.send(.listDispatch(in: room), timeout: Self.explanationTimeout) { [self] result in
            switch result {
            case .success(let response):
                let absence = AgentAbsence(of: agent, among: response.agentDispatches)
                log.warning("agent has not come", ["room": room, "agent": agent, "reason": "\(absence)"])
                completion(absence)
            case .failure(let error):
                log.warning("dispatches not listed", ["room": room, "error": "\(error)"])
                completion(nil)
            }
        }
    }

    private func failed(_ error: ServerAPIError, _ room: String, _ agent: String) -> ServerAPIError {
        log.warning("agent not dispatched", ["room": room, "agent": agent, "error": "\(error)"])
        return error
    }
}
