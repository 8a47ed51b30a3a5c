internal import Wire

/// The client's last message with sound.
struct LastMessage {
    private(set) var arrival: Instant?
    /// How much sound came with it, in samples at 48 kHz.
    private(set) var samples = 0
    /// It was a piece of a recording, which brings many packets.
    private(set) var isRecorded = false

    mutating func note(samples new: Int, isRecorded: Bool, now: Instant) {
        let isMore = isRecorded && self.isRecorded && now == arrival
        samples = new + (isMore ? samples : 0)
        self.isRecorded = isRecorded
        arrival = now
    }
}
