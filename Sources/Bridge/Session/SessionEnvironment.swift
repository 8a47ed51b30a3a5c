package import Observability
internal import Wire

/// What a session needs from around it; the same for all sessions of a loop.
package struct SessionEnvironment {
    package var configuration: BridgeConfiguration
    package var rooms: any RoomConnector
    package var dispatcher: any AgentDispatcher
    package var coders: any AudioCoderFactory
    package var clock: any SessionClock
    package var tick: MediaTick
    /// Counts the sound of all sessions of the loop; nil when nobody wants to know.
    package var meter: SoundMeter?
    /// Where failures are told that callers cannot be told of; nil for nowhere.
    package var log: Log?

    package init(
        configuration: BridgeConfiguration, rooms: any RoomConnector, dispatcher: any AgentDispatcher,
        coders: any AudioCoderFactory, clock: any SessionClock, tick: MediaTick
    ) {
        self.configuration = configuration
        self.rooms = rooms
        self.dispatcher = dispatcher
        self.coders = coders
        self.clock = clock
        self.tick = tick
    }

    /// The same for a call of that trace.
    func tracing(_ trace: TraceContext?) -> SessionEnvironment {
        guard let trace else { return self }
        var environment = self
        environment.log = log?.with(["trace_id": trace.traceText])
        return environment
    }
}
