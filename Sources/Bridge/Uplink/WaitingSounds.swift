internal import Wire

/// Recordings, and what has come behind them, in order. All of it is made samples, or measured, shortly before it is played: a
/// minute of sound would take a tenth of a second at once, for which all other sessions of the loop would wait. Amounts are in
/// samples at 48 kHz.
struct WaitingSounds: ~Copyable {
    /// So much is always ready to be played.
    static let readyAhead = WaitingRecording.sliceMilliseconds * 48

    enum Item {
        case recording(WaitingRecording)
        /// One Opus packet.
        case packet([UInt8], samples: Int)
        /// At the rate of frames, in Hz.
        case samples([Int16], rate: Int)
        /// So many frames of silence.
        case pause(frames: Int)
        /// The caller's turn is over.
        case turnEnd

        fileprivate var length: Int {
            switch self {
            case .recording(let recording): recording.samplesAt48kHz
            case .packet(_, let samples): samples
            case .samples(let samples, let rate): samples.count * 48_000 / max(1, rate)
            case .pause(let frames): frames * UplinkPacer.frameSamples
            case .turnEnd: 0
            }
        }
    }

    /// What is next to be played.
    enum Part {
        /// `converted` has the samples.
        case converted
        case packet([UInt8], samples: Int)
        case pause(frames: Int)
        case turnEnd
    }

    private var items = FIFO<Item>()
    private(set) var samples = 0
    /// The slice of a recording that was taken last, at the rate of frames.
    private(set) var converted: [Int16] = []
    private var scratch: [Int16] = []

    init() {}

    var isEmpty: Bool { items.isEmpty }

    mutating func append(_ item: Item) {
        items.append(item)
        samples += item.length
    }

    /// Takes what is next, of a recording a slice; nil when nothing waits.
    mutating func next() -> Part? {
        guard let first = items.first else {
            (converted, scratch) = ([], [])
            return nil
        }
        switch first {
        case .recording(var recording):
            samples -= recording.samplesAt48kHz
            converted.removeAll(keepingCapacity: true)
            recording.convertSlice(appendingTo: &converted, scratch: &scratch)
            samples += recording.samplesAt48kHz
            if recording.isEmpty { removeFirst() } else { items[0] = .recording(recording) }
            return .converted
        case .samples(let sound, _):
            converted = sound
            removeFirst()
            return .converted
        case .packet(let bytes, let length):
            removeFirst()
            return .packet(bytes, samples: length)
        case .pause(let frames):
            removeFirst()
            return .pause(frames: frames)
        case .turnEnd:
            removeFirst()
            return .turnEnd
        }
    }

    /// Drops at least so much of the oldest, or all there is; returns how much that was, and how many turns ended in it.
    mutating func drop(_ excess: Int) -> (samples: Int, turns: Int) {
        let before = samples
        var turns = 0
        while before - samples < excess, let first = items.first {
            switch first {
            case .recording(var recording):
                let left = recording.samplesAt48kHz
                recording.skip(samplesAt48kHz: excess - (before - samples))
                samples -= left - recording.samplesAt48kHz
                if recording.isEmpty { removeFirst() } else { items[0] = .recording(recording) }
            case .turnEnd:
                turns += 1
                removeFirst()
            case .packet, .samples, .pause: removeFirst()
            }
        }
        return (before - samples, turns)
    }

    /// Drops everything; returns how many turns ended in it.
    mutating func removeAll() -> Int {
        var turns = 0
        while let first = items.first {
            if case .turnEnd = first { turns += 1 }
            removeFirst()
        }
        return turns
    }

    private mutating func removeFirst() {
        samples -= items.first?.length ?? 0
        // The queue must not keep the bytes of what is gone.
        items[0] = .turnEnd
        _ = items.popFirst()
    }
}
