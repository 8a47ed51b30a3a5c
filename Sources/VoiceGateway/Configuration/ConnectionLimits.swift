/// How much clients may ask for.
package struct ConnectionLimits: Hashable, Sendable {
    /// Bytes of one message.
    package var maximumMessageBytes = GatewaySettings.maxMessageBytes.standard
    /// Sound of one turn, and sound that waits to be played into the room.
    package var maximumUtterance = Duration.seconds(GatewaySettings.maxUtteranceSeconds.standard)
    /// Tracks of a room that are played at the same time.
    package var maximumTracks = GatewaySettings.maxTracks.standard
    /// Open client connections of the process.
    package var maximumConnections = GatewaySettings.maxConnections.standard
    /// Of one client address; nil for no limit.
    package var maximumConnectionsPerAddress: Int?
    /// Of one API key; nil for no limit.
    package var maximumConnectionsPerKey: Int?
    /// How long a session lasts in which nothing is sent or said by anybody; nil for ever.
    package var idleTimeout: Duration?
    /// How long a session lasts at all; nil for ever.
    package var maximumSession: Duration?

    package init() {}
}
