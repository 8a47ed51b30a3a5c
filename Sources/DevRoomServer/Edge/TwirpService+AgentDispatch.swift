internal import Signalling
internal import Wire

/// `livekit.AgentDispatchService`.
extension TwirpService {
    func agentDispatchService(_ method: String, _ call: Call) throws(TwirpError) -> [UInt8] {
        switch method {
        case "CreateDispatch":
            try call.answer(
                CreateAgentDispatchRequest.self, { grant, request in grant.isAdmin(of: request.room) }, createDispatch)
        case "DeleteDispatch":
            try call.answer(
                DeleteAgentDispatchRequest.self, { grant, request in grant.isAdmin(of: request.room) }, deleteDispatch)
        case "ListDispatch":
            try call.answer(
                ListAgentDispatchRequest.self, { grant, request in grant.isAdmin(of: request.room) }, listDispatch)
        default: throw TwirpError(.badRoute, "no handler for method \"\(method)\"")
        }
    }

    private func createDispatch(_ request: CreateAgentDispatchRequest) throws(TwirpError) -> AgentDispatch {
        guard let host = hub.room(request.room) else { throw TwirpError(.resourceExhausted, "too many rooms") }
        // The offer that follows may answer at once, so the dispatcher is drained only after its own work.
        let dispatch = try hub.agents.create(request, in: host.room.info, hub.environment.time)
        hub.drainAgents()
        return dispatch
    }

    private func deleteDispatch(_ request: DeleteAgentDispatchRequest) throws(TwirpError) -> AgentDispatch {
        guard let dispatch = hub.agents.delete(request.dispatchId, room: request.room, hub.environment.time) else {
            throw TwirpError(.notFound, "dispatch does not exist")
        }
        hub.drainAgents()
        return dispatch
    }

    private func listDispatch(_ request: ListAgentDispatchRequest) -> ListAgentDispatchResponse {
        .with { $0.agentDispatches = hub.agents.list(room: request.room, id: request.dispatchId) }
    }
}
