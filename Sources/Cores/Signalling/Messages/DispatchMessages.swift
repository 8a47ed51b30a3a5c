/// An order to bring an agent into a room.
package struct AgentDispatch: ProtobufMessage {
    package var id = ""
    package var agentName = ""
    package var room = ""
    package var metadata = ""
    package var state: AgentDispatchState?
    package var restartPolicy = JobRestartPolicy.onFailure
    package var deployment = ""
    package var attributes: [String: String] = [:]

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "id", &id)
        fields.field(2, "agent_name", &agentName)
        fields.field(3, "room", &room)
        fields.field(4, "metadata", &metadata)
        fields.field(5, "state", &state)
        fields.field(6, "restart_policy", &restartPolicy)
        fields.field(7, "deployment", &deployment)
        fields.field(8, "attributes", &attributes)
    }
}

/// The jobs of a dispatch; times in Unix nanoseconds.
package struct AgentDispatchState: ProtobufMessage {
    package var jobs: [Job] = []
    package var createdAt: Int64 = 0
    package var deletedAt: Int64 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "jobs", &jobs)
        fields.field(2, "created_at", &createdAt)
        fields.field(3, "deleted_at", &deletedAt)
    }
}

/// Dispatches an agent.
package struct CreateAgentDispatchRequest: ProtobufMessage {
    package var agentName = ""
    package var room = ""
    package var metadata = ""
    package var restartPolicy = JobRestartPolicy.onFailure
    package var deployment = ""
    package var attributes: [String: String] = [:]

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "agent_name", &agentName)
        fields.field(2, "room", &room)
        fields.field(3, "metadata", &metadata)
        fields.field(4, "restart_policy", &restartPolicy)
        fields.field(5, "deployment", &deployment)
        fields.field(6, "attributes", &attributes)
    }
}

/// A dispatch that happens when the room is created.
package struct RoomAgentDispatch: ProtobufMessage {
    package var agentName = ""
    package var metadata = ""
    package var restartPolicy = JobRestartPolicy.onFailure
    package var deployment = ""
    package var attributes: [String: String] = [:]

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "agent_name", &agentName)
        fields.field(2, "metadata", &metadata)
        fields.field(3, "restart_policy", &restartPolicy)
        fields.field(4, "deployment", &deployment)
        fields.field(5, "attributes", &attributes)
    }
}

/// Takes a dispatch back and ends its jobs.
package struct DeleteAgentDispatchRequest: ProtobufMessage {
    package var dispatchId = ""
    package var room = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "dispatch_id", &dispatchId)
        fields.field(2, "room", &room)
    }
}

/// Asks for the dispatches of a room.
package struct ListAgentDispatchRequest: ProtobufMessage {
    package var dispatchId = ""
    package var room = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "dispatch_id", &dispatchId)
        fields.field(2, "room", &room)
    }
}

/// The dispatches of a room.
package struct ListAgentDispatchResponse: ProtobufMessage {
    package var agentDispatches: [AgentDispatch] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "agent_dispatches", &agentDispatches)
    }
}
