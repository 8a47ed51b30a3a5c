internal import EventLoops
internal import LiveKitParticipant
internal import Observability
internal import Signalling
internal import Wire

/// What the HTTP interface wants of the room server. Completions are called once, on the same loop.
protocol RoomServerAccess: AnyObject {
    /// Sees to it that a room is there and has an agent; one that is there or on its way is enough.
    ///
    /// - Parameter completion: whether an agent comes; the error when nobody could join the room either.
    func open(
        _ room: String, agent: String, metadata: String, completion: @escaping (Result<Bool, ServerAPIError>) -> Void)

    /// What an error of the server means to the operator.
    func fault(_ error: ServerAPIError) -> RoomServerFault

    /// Ends a room and sends everybody in it away.
    func endRoom(_ name: String, completion: @escaping (Result<Void, ServerAPIError>) -> Void)

    /// Asks whether the server answers, and accepts our keys; nil when it does.
    func check(completion: @escaping (RoomServerFault?) -> Void)
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
    private let placer: AgentPlacer

    init(api: ServerAPI, placer: AgentPlacer) {
        self.api = api
        self.placer = placer
    }

    func open(
        _ room: String, agent: String, metadata: String, completion: @escaping (Result<Bool, ServerAPIError>) -> Void
    ) {
        placer.place(agent, in: room, metadata: metadata) { result in
            switch result {
            case .success(.placed): completion(.success(true))
            case .success(.roomOnly(let error)):
                // An error about the agent alone leaves the room usable.
                if case .refused = error, error.blame != .operator { return completion(.success(false)) }
                completion(.failure(error))
            case .failure(let error): completion(.failure(error))
            }
        }
    }

    func endRoom(_ name: String, completion: @escaping (Result<Void, ServerAPIError>) -> Void) {
        api.send(.deleteRoom(name)) { completion($0.map { _ in }) }
    }

    func fault(_ error: ServerAPIError) -> RoomServerFault { RoomServerFault(error, clockOffset: api.clockOffset) }

    func check(completion: @escaping (RoomServerFault?) -> Void) {
        api.send(.listParticipants(in: Self.nobodysRoom), timeout: Self.checkTimeout) { [self] result in
            switch result {
            case .success: completion(nil)
            // An answer that only a server gives who has accepted the token.
            case .failure(let error) where error.code == .notFound: completion(nil)
            case .failure(let error): completion(fault(error))
            }
        }
    }
}
