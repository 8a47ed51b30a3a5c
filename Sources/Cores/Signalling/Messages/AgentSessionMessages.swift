/// What a session of livekit-agents says about itself in byte streams on `lk.agent.session`: as much of it as tells
/// whether it runs and what it does (package `agent`, `agent_session.proto`).
package struct AgentSessionMessage: ProtobufMessage {
    package var event: AgentSessionEvent?
    package var request: AgentSessionRequest?
    package var response: AgentSessionResponse?

    /// The topic of the byte streams, one message a stream.
    package static let topic = "lk.agent.session"

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(3, "event", &event)
        fields.field(4, "request", &request)
        fields.field(5, "response", &response)
    }
}

/// A question to a session.
package struct AgentSessionRequest: ProtobufMessage {
    /// Comes back with the answer.
    package var requestId = ""
    /// Asks for nothing but an answer.
    package var ping: AgentSessionPing?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "request_id", &requestId)
        fields.field(2, "ping", &ping)
    }
}

/// A question without content.
package struct AgentSessionPing: ProtobufMessage {
    package init() {}
    package mutating func visit(_ fields: inout FieldVisitor) {}
}

/// A session's answer; whatever it holds, the session runs.
package struct AgentSessionResponse: ProtobufMessage {
    package var requestId = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) { fields.field(1, "request_id", &requestId) }
}
