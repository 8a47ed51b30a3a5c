package import ClientProtocol
package import Wire

/// How a session is at the moment, for those who run the gateway. Nothing that was said.
package struct SessionSnapshot: Sendable {
    package let summary: SessionSummary
    /// The name of the agent that was asked for; empty for none.
    package let agent: String
    package let dialect: String
    /// Nil for none.
    package let trace: TraceContext?
    package let phase: SessionLifecycle.Phase
    /// The client's connection is gone, and may come back.
    package let isClientAbsent: Bool
    /// The connection to the room is gone, and is being made again.
    package let isRoomInterrupted: Bool
    /// The identities of the agents in the room, in the order in which they came.
    package let agents: [String]
    /// Nil while the first agent shows none.
    package let agentState: AgentState?
    /// Since the client was accepted.
    package let duration: Duration
    /// The caller's sound that waits, in milliseconds.
    package let queuedMilliseconds: Int
    package let numbers: SessionStatistics

    init(
        _ lifecycle: borrowing SessionLifecycle, _ room: RoomLink, _ client: borrowing ClientLink,
        _ state: borrowing RoomState, _ audio: AudioPath?,
        _ numbers: SessionStatistics, now: Instant
    ) {
        summary = room.summary
        agent = room.caller.agentName
        dialect = client.descriptor.name
        trace = room.caller.trace
        phase = lifecycle.phase
        isClientAbsent = lifecycle.isClientAbsent
        isRoomInterrupted = room.isInterrupted
        agents = state.agents
        agentState = state.conversation.agentState
        duration = now - state.startedAt
        queuedMilliseconds = audio?.queuedMilliseconds ?? 0
        self.numbers = numbers
    }
}
