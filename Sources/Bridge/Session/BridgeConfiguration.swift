/// What the operator decides for all sessions.
package struct BridgeConfiguration: Hashable, Sendable {
    /// The agent that is dispatched unless the client names another; empty for none.
    package var agentName: String
    /// A method of the agent that is called when the caller's turn ends; nil for none.
    package var turnRPCMethod: String?
    /// A method of the agent that is called when the client interrupts it; nil for none.
    package var interruptRPCMethod: String?
    /// Whether agents are told by their dispatches of the trace that their call belongs to.
    package var tellsTrace = true
    package var limits = Limits()

    package init(agentName: String) { self.agentName = agentName }
}

/// Names on the room side that the gateway chooses.
package enum RoomTopics {
    /// Text streams that agents take as typed input.
    package static let chat = "lk.chat"
    /// Data packets with `{"type":"interrupt"}`: stop speaking.
    package static let interrupt = "interrupt"
    /// Data packets with `{"type":"config","instructions":"…"}`, and the attribute of the same content.
    package static let configuration = "config"
    package static let instructionsAttribute = "instructions"
    /// How far the caller has heard a reply: an attribute, and the method that an agent may have to learn it.
    package static let heardAttribute = "voicegateway.heard"
    /// Topics and attributes of LiveKit's own; unknown ones are not passed on.
    package static let reservedPrefix = "lk."
    package static let agentState = "lk.agent.state"
    /// What attributes of agents begin with that a framework has brought.
    package static let agentAttributes = "lk.agent."
    /// Marks a participant that lends its face and voice to an agent.
    package static let publishOnBehalf = "lk.publish_on_behalf"
}
