internal import PeerConnection
internal import Wire

/// One packet of the caller as the parrot keeps it.
struct RecordedPacket: Hashable {
    /// One Opus packet.
    var payload: [UInt8]
    /// In samples at 48 kHz, as it was sent.
    var timestamp: UInt32
    /// How long it lasts, in samples at 48 kHz.
    var samples: Int
    var level: AudioLevel?
}

/// Finds out by loudness when the caller speaks, and keeps the packets of what was said. Pure: time is passed in.
struct ParrotListener {
    /// What was noticed.
    enum Event: Hashable {
        case began
        /// The caller paused: this is what was said, from a little before the first sound to a little after the last.
        case ended([RecordedPacket], speech: Duration)
    }

    /// The silence that ends an utterance.
    static let pause: Duration = .milliseconds(600)
    /// Shorter sounds are clicks.
    static let minimumSpeech: Duration = .milliseconds(60)
    /// Kept before the first sound, which may be a soft consonant. It delays the answer by as much.
    static let beginning: Duration = .milliseconds(40)
    /// Kept after the last sound.
    static let ending: Duration = .milliseconds(200)
    /// A timer that goes off so much too late shows that this thread was held up, so that packets wait to be heard;
    /// they get as much time as that.
    static let grace: Duration = .milliseconds(50)
    /// An utterance is taken as ended when it has become this long.
    static let maximumSpeech: Duration = .seconds(30)
    /// RMS of 16-bit samples below which nothing is speech.
    static let minimumLevel = 200.0
    /// Speech is this much louder than the background.
    static let backgroundFactor = 3.0

    private(set) var isSpeaking = false
    /// How long the caller has been speaking so far.
    private(set) var speech: Duration = .zero
    private var background = 50.0
    private var loud: Duration = .zero
    private var recording: [RecordedPacket] = []
    /// Packets in `recording` up to and with the last loud one.
    private var countToLastSound = 0
    private var began = Instant.zero
    private var lastSound = Instant.zero
    /// Where the last loud packet ended, in samples at 48 kHz of the sender's clock.
    private var endOfSound: UInt32 = 0
    private var graceEnd: Instant?

    /// When `handleTimeout` wants to be called: a caller that pauses may send nothing at all.
    var nextDeadline: Instant? { isSpeaking ? graceEnd ?? lastSound + Self.pause : nil }

    /// Takes one packet and the loudness of its sound (RMS of 16-bit samples).
    mutating func receive(_ packet: RecordedPacket, level: Double, now: Instant) -> Event? {
        let duration = Duration.microseconds(packet.samples * 1000 / 48)
        let isLoud = level > max(Self.minimumLevel, background * Self.backgroundFactor)
        if !isLoud {
            // Follows a background that grows slowly, and one that shrinks at once.
            background = min(level, background) * 0.9 + level * 0.1
        }
        recording.append(packet)
        if isLoud {
            loud += duration
            if isSpeaking {
                noteSound(packet, now: now)
                speech = now - began + duration
                return speech >= Self.maximumSpeech ? end() : nil
            }
            guard loud >= Self.minimumSpeech else { return nil }
            isSpeaking = true
            began = now - loud + duration
            speech = loud
            noteSound(packet, now: now)
            return .began
        }
        loud = .zero
        guard isSpeaking else {
            trimBeginning()
            return nil
        }
        // The sender's clock tells how long the pause is, even if all of it comes at once.
        let pause = Int32(
            truncatingIfNeeded: packet.timestamp &+ UInt32(truncatingIfNeeded: packet.samples) &- endOfSound)
        return Int(pause) >= Int(Self.pause.milliseconds) * 48 ? end() : nil
    }

    private mutating func noteSound(_ packet: RecordedPacket, now: Instant) {
        lastSound = now
        endOfSound = packet.timestamp &+ UInt32(truncatingIfNeeded: packet.samples)
        graceEnd = nil
        countToLastSound = recording.count
    }

    /// Ends the utterance if the pause is long enough.
    mutating func handleTimeout(now: Instant) -> Event? {
        guard let nextDeadline, nextDeadline <= now else { return nil }
        if graceEnd == nil, now - nextDeadline >= Self.grace {
            graceEnd = now + Self.grace
            return nil
        }
        return end()
    }

    private mutating func end() -> Event {
        var kept = Array(recording[..<countToLastSound])
        var tail = Duration.zero
        for packet in recording[countToLastSound...] where tail < Self.ending {
            kept.append(packet)
            tail += .microseconds(packet.samples * 1000 / 48)
        }
        let length = speech
        isSpeaking = false
        speech = .zero
        loud = .zero
        recording = []
        countToLastSound = 0
        graceEnd = nil
        return .ended(kept, speech: length)
    }

    private mutating func trimBeginning() {
        let limit = Int(Self.beginning.milliseconds) / 20
        if recording.count > limit { recording.removeFirst(recording.count - limit) }
    }
}
