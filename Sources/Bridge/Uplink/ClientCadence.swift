internal import Wire

/// How the client sends: live or from a recording, frame by frame or in long messages. What waits of a client that streams live is
/// late, and what waits of a recording is only being played. Amounts are in samples at 48 kHz.
struct ClientCadence {
    private let toleratedDelay: Int
    /// How late the next message may be, in nanoseconds.
    private let liveness: Int64
    private var last = LastMessage()
    private var pace: ArrivalPace
    /// What comes waits for the end of a recording, so that it is not late.
    var isBehindRecording = false

    init(limits: Limits) {
        toleratedDelay = limits.toleratedDelay.samplesAt48kHz
        liveness = limits.liveness.nanoseconds
        pace = ArrivalPace(liveness: limits.liveness)
    }

    /// Takes note of a message with sound, or of a packet of a recording.
    mutating func note(samples: Int, isRecorded: Bool, now: Instant) {
        last.note(samples: samples, isRecorded: isRecorded, now: now)
        if isRecorded { pace.noteRecording() } else { pace.note(samples: samples, now: now) }
    }

    var lastArrival: Instant? { last.arrival }
    /// How much sound came last.
    var lastLength: Int { last.samples }
    var isRecorded: Bool { last.isRecorded }
    /// The client sends frames, and they are played as they come.
    var isFrameByFrame: Bool { last.samples <= UplinkPacer.frameSamples && !last.isRecorded && !isBehindRecording }
    /// So much may wait: what has come in one piece has to wait for its turn, late or not.
    var tolerated: Int { max(toleratedDelay, last.wholeFrames) }

    /// Whether the client is sending.
    func isSending(now: Instant) -> Bool { last.arrival.map { now.nanoseconds(since: $0) <= liveness } ?? false }

    /// What of `waiting` would not wait of a client in step; nil for one that does not stream live.
    func surplus(of waiting: Int, now: Instant) -> Int? {
        guard pace.isLive, !isBehindRecording else { return nil }
        return last.surplus(of: waiting, tolerated: tolerated, liveness: liveness, now: now)
    }
}
