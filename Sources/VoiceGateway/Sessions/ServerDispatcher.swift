internal import Bridge
internal import ClientProtocol
internal import LiveKitParticipant
internal import Observability
internal import Signalling

/// Dispatches agents by LiveKit's server API.
final class ServerDispatcher: AgentDispatcher {
    private let api: ServerAPI
    private let log: Log

    init(api: ServerAPI, log: Log) {
        self.api = api
        self.log = log
    }

    func listDispatches(room: String, completion: @escaping (Result<[String], DispatchFailure>) -> Void) {
        api.send(.listDispatch(in: room)) { result in
            switch result {
            case .success(let response): completion(.success(response.agentDispatches.map(\.agentName)))
            // A room that does not exist yet has none.
            case .failure(let error) where error.code == .notFound: completion(.success([]))
            case .failure(let error): completion(.failure(DispatchFailure(error)))
            }
        }
    }

    func createDispatch(
        room: String, agent: String, metadata: String, completion: @escaping (Result<Void, DispatchFailure>) -> Void
    ) {
        let request = CreateAgentDispatchRequest.with {
            $0.room = room
            $0.agentName = agent
            $0.metadata = metadata
        }
        api.send(.createDispatch(request)) { [log] result in
            if case .failure(let error) = result {
                log.warning("agent not dispatched", ["room": room, "agent": agent, "error": "\(error)"])
            }
            completion(result.map { _ in }.mapError { DispatchFailure($0) })
        }
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
