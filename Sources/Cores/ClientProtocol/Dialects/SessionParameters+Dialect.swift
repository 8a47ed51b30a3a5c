extension SessionParameters {
    /// The codec for a client that has chosen these parameters. On the conversation path it stays the same whatever
    /// the events: turns that the client ends belong to the path.
    package func makeDialect(limits: RecordingLimits) -> any DialectCodec {
        endpoint == .device && events == .extended
            ? ExtendedDialect() : LegacyDialect(limits: limits, events: events)
    }
}
