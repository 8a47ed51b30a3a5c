internal import Bridge
internal import ClientProtocol
internal import LiveKitParticipant

/// Dispatches agents by LiveKit's server API.
final class ServerDispatcher: AgentDispatcher {
    private let placer: AgentPlacer

    init(placer: AgentPlacer) {
        self.placer = placer
    }

    func placeAgent(
        _ agent: String, in room: String, metadata: String,
        completion: @escaping (Result<String, DispatchFailure>) -> Void
    ) {
        placer.place(agent, in: room, metadata: metadata) { result in
            switch result {
            case .success(.placed(let metadata)): completion(.success(metadata))
            case .success(.roomOnly(let error)), .failure(let error): completion(.failure(DispatchFailure(error)))
            }
        }
    }

    func dispatchAgent(
        _ agent: String, to room: String, metadata: String,
        completion: @escaping (Result<Void, DispatchFailure>) -> Void
    ) {
        placer.dispatch(agent, to: room, metadata: metadata) { completion($0.mapError { DispatchFailure($0) }) }
    }
}

extension DispatchFailure {
    fileprivate init(_ error: ServerAPIError) {
        let blame: ClientError.Blame =
            switch error.blame {
            case .gateway: .gateway
            case .room: .room
            case .operator: .operator
            }
        // What a server says about our keys is not for clients.
        let message = blame == .operator ? error.summary : "\(error)"
        self.init(blame: blame, message: message, isRetryable: error.isRetryable)
    }
}
