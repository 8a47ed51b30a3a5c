internal import Signalling
internal import Wire

#if canImport(Glibc)
    internal import Glibc
#endif

/// Watches the loudness of one track, as its packets state it (RFC 6464), from one look at `takeLevel` to the next.
struct AudioLevelMeter {
    /// Quieter than this is not speech, in −dBov.
    static let activeThreshold: UInt8 = 35
    /// This much of a window must be louder.
    static let minimumActivity = 0.4
    /// How long a window is: how often `takeLevel` is called.
    static let window: Duration = .milliseconds(400)
    /// How much of a new window counts: two windows are smoothed together.
    static let smoothing = 2.0 / 3.0
    /// Levels are told in steps of this.
    static let step: Float = 0.125

    private var loudest: UInt8 = 127
    private var active: Duration = .zero
    private var smoothed = 0.0

    /// Notes one packet.
    /// - Parameters:
    ///   - level: in −dBov, 0 (loudest) to 127.
    ///   - duration: how long the packet lasts.
    mutating func observe(_ level: UInt8, duration: Duration) {
        guard level <= Self.activeThreshold else { return }
        active += duration
        loudest = min(loudest, level)
    }

    /// Ends the window. 0 (not speaking) to 1, in steps. A sender that is silent may send nothing at all, so the
    /// window counts in full, whatever came in it.
    mutating func takeLevel() -> Float {
        let share = min(1, Double(active.nanoseconds) / Double(Self.window.nanoseconds))
        // Seldom loud counts as less loud.
        let level = share < Self.minimumActivity ? 0 : pow(10, -Double(loudest) / 20) * share
        smoothed += (level - smoothed) * Self.smoothing
        loudest = 127
        active = .zero
        guard smoothed >= pow(10, -Double(Self.activeThreshold) / 20) else { return 0 }
        return min(1, (Float(smoothed) / Self.step).rounded(.up) * Self.step)
    }
}

/// The speakers of a room; only changes are reported.
struct ActiveSpeakers {
    private var levels: [String: Float] = [:]

    /// Takes the present level of every participant that has one, and returns what changed.
    mutating func update(_ present: [String: Float]) -> [SpeakerInfo] {
        var changes: [SpeakerInfo] = []
        for (sid, level) in present.sorted(by: { $0.key < $1.key }) where levels[sid, default: 0] != level {
            changes.append(Self.info(sid, level))
            levels[sid] = level == 0 ? nil : level
        }
        for sid in levels.keys.sorted() where present[sid] == nil {
            changes.append(Self.info(sid, 0))
            levels[sid] = nil
        }
        return changes
    }

    /// Forgets a participant that has left; returns the change if it was speaking.
    mutating func remove(_ sid: String) -> SpeakerInfo? {
        levels.removeValue(forKey: sid).map { _ in Self.info(sid, 0) }
    }

    private static func info(_ sid: String, _ level: Float) -> SpeakerInfo {
        .with {
            $0.sid = sid
            $0.level = level
            $0.active = level > 0
        }
    }
}

extension Room {
    /// Takes the levels of all participants that publish sound.
    mutating func updateSpeakers(_ levels: [String: Float]) {
        let changes = speakers.update(levels.filter { index(of: $0.key) != nil })
        if !changes.isEmpty { broadcastSpeakers(changes) }
    }

    mutating func broadcastSpeakers(_ changes: [SpeakerInfo]) {
        let message = SignalResponse.Message.speakersChanged(.with { $0.speakers = changes })
        for participant in participants where participant.isActive { signal(message, to: participant.sid) }
    }
}
