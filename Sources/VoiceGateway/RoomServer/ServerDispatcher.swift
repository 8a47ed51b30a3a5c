internal import Bridge
internal import LiveKitParticipant
internal import Wire

/// Dispatches agents by LiveKit's server API.
final class ServerDispatcher: AgentDispatcher {
    private let placer: AgentPlacer

    init(placer: AgentPlacer) {
        self.placer = placer
    }

    func placeAgent(
        _ agent: String, in room: String, metadata: String,
        completion: @escaping (Result<String, Failure>) -> Void
    ) {
        placer.place(agent, in: room, metadata: metadata) { result in
            switch result {
            case .success(.placed(let metadata)): completion(.success(metadata))
            case .success(.roomOnly(let error)), .failure(let error): completion(.failure(error.failure))
            }
        }
    }

    func dispatchAgent(
        _ agent: String, to room: String, metadata: String,
        completion: @escaping (Result<Void, Failure>) -> Void
    ) {
        placer.dispatch(agent, to: room, metadata: metadata) { completion($0.mapError(\.failure)) }
    }

    func explainAbsence(of agent: String, in room: String, completion: @escaping (Failure?) -> Void) {
        placer.explainAbsence(of: agent, in: room) { completion($0?.failure) }
    }
}
