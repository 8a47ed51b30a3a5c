internal import Wire

/// The client's last message with sound.
struct LastMessage {
    private(set) var arrival: Instant?
    /// How much sound came with it, in samples at 48 kHz.
    private(set) var samples = 0
    /// It was a piece of a recording, which brings many packets.
    private(set) var isRecorded = false

    /// The frames of 20 ms that it fills or begins, in samples at 48 kHz.
    var wholeFrames: Int {
        (samples + UplinkPacer.frameSamples - 1) / UplinkPacer.frameSamples * UplinkPacer.frameSamples
    }

    mutating func note(samples new: Int, isRecorded: Bool, now: Instant) {
        let isMore = isRecorded && self.isRecorded && now == arrival
        samples = new + (isMore ? samples : 0)
        self.isRecorded = isRecorded
        arrival = now
    }

    /// What a client that streams live and in step would not have there, in samples at 48 kHz; nil for a recording. Of a
    /// long message the part that has been played by now counts, so that it does not matter when one looks. When nothing
    /// more comes, all of it has been.
    ///
    /// - Parameters:
    ///   - waiting: how much waits.
    ///   - tolerated: how much may wait when a message has come.
    ///   - liveness: how late the next message may be, in nanoseconds.
    func surplus(of waiting: Int, tolerated: Int, liveness: Int64, now: Instant) -> Int? {
        guard let arrival, !isRecorded else { return nil }
        let elapsed = now.nanoseconds(since: arrival)
        guard elapsed <= liveness + Int64(samples) * 1_000_000 / 48 else { return waiting }
        return waiting + Int(elapsed * 48 / 1_000_000) - tolerated
    }
}
