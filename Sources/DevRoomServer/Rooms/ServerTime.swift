internal import Wire

/// One reading of both clocks: the monotonic one for deadlines, the calendar for what clients are told.
struct ServerTime: Hashable {
    /// Monotonic.
    var now: Instant
    /// Milliseconds since 1970.
    var unixMilliseconds: Int64

    /// Seconds since 1970.
    var unixSeconds: Int64 { unixMilliseconds / 1000 }
    /// Nanoseconds since 1970.
    var unixNanoseconds: Int64 { unixMilliseconds &* 1_000_000 }
}
