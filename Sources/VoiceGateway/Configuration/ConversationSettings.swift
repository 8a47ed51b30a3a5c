package import Bridge

/// How conversations go.
package struct ConversationSettings: Hashable, Sendable {
    /// How long a connection waits for `config` before the agent is dispatched.
    package var configWait = Duration.milliseconds(GatewaySettings.configWaitMS.standard)
    /// The method that is called at the agent when a client says that its turn is over; nil for none.
    package var turnRPCMethod: String?
    /// The method that is called at the agent when a client interrupts it; nil for none.
    package var interruptRPCMethod: String?
    /// How long the participant of a client whose connection broke stays in its room; zero: it leaves at once.
    package var resumeGrace = Duration.seconds(GatewaySettings.resumeGraceSeconds.standard)
    /// Attributes that the participants of all callers have.
    package var attributes: [String: String] = [:]
    /// How late live sound of a caller may become before the oldest gives way.
    package var maximumBacklog = Duration.seconds(GatewaySettings.maxBacklog.standard)
    /// How the sound of callers is encoded.
    package var opus = OpusProfile()

    package init() {}
}
