/// How conversations go.
package struct ConversationSettings: Hashable, Sendable {
    /// How long a connection waits for `config` before the agent is dispatched.
    package var configurationWait = Duration.milliseconds(GatewaySettings.configWaitMS.standard)
    /// The method that is called at the agent when a client says that its turn is over; nil for none.
    package var turnMethod: String?
    /// The method that is called at the agent when a client interrupts it; nil for none.
    package var interruptMethod: String?

    /// libopus's effort for the sound of callers, 0 to 10.
    package var opusComplexity = GatewaySettings.opusComplexity.standard

    package init() {}
}
