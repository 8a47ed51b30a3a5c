internal import Wire

/// Makes sound of the `audio` messages of one connection: whole WAV files, and WebM or Ogg streams whose pieces go
/// on from message to message. What a message is, its bytes decide; a container's first bytes at the start of a
/// message begin a new recording.
struct RecordingReader: Sendable {
    /// What can be played.
    enum Sound: Hashable, Sendable {
        case packet([UInt8])
        case recording(WAVFile)
    }

    /// The rates that recordings may have, in Hz. Browsers record at the rate of the sound card, at most.
    static let sampleRates = 8000...192_000
    /// How much of a stream is taken apart at once.
    private static let sliceBytes = 64 << 10

    private enum State: Sendable {
        /// Nothing yet, or only the start of a signature.
        case undecided([UInt8])
        case wav(WAVAssembler)
        case webM(WebMDemuxer)
        case ogg(OggDemuxer)
        /// The recording cannot be used; its pieces are refused until another one begins.
        case refused(RecordingProblem)
    }

    private let limits: RecordingLimits
    private var state = State.undecided([])
    /// Sound of this turn in samples at 48 kHz.
    private var samples = 0
    /// Something of this turn was WebM, which the old server had to convert.
    private(set) var hasWebM = false
    /// Something of this turn can be heard.
    var hasSound: Bool { samples > 0 }

    init(limits: RecordingLimits) { self.limits = limits }

    /// Takes the bytes of a message. Sound before a damaged place is appended all the same.
    mutating func append(_ bytes: [UInt8], to sounds: inout [Sound]) throws(RecordingProblem) {
        guard !bytes.isEmpty else { return }
        if case .undecided(let start) = state {
            // The array that goes on growing must not be shared with the state.
            state = .undecided([])
            return try begin(start.isEmpty ? bytes : start + bytes, &sounds)
        }
        if beginsRecording(bytes) {
            if case .wav(let file) = state {
                // The samples of the file before were of open length.
                state = .undecided([])
                try finish(file, &sounds)
            }
            return try begin(bytes, &sounds)
        }
        try proceed(bytes, &sounds)
    }

    /// The turn is over: a WAV file of open length is whole now. Streams go on, because a last piece may come late.
    mutating func endTurn(_ sounds: inout [Sound]) throws(RecordingProblem) {
        defer {
            samples = 0
            hasWebM = false
        }
        switch state {
        case .wav(let file):
            state = .undecided([])
            try finish(file, &sounds)
        case .undecided, .refused: state = .undecided([])
        case .webM, .ogg: break
        }
    }

    /// The turn is thrown away; what is left of a stream may still come.
    mutating func discardTurn() {
        samples = 0
        hasWebM = false
        switch state {
        case .webM, .ogg: break
        case .undecided, .wav, .refused: state = .undecided([])
        }
    }

    /// Whether these bytes cannot be the continuation of what is being read.
    private func beginsRecording(_ bytes: [UInt8]) -> Bool {
        switch state {
        case .undecided: return true
        case .refused: return AudioContainer.identify(bytes) != .unknown
        case .wav: return AudioContainer.identify(bytes) == .container(.wav)
        case .webM(let demuxer):
            // Where an element may begin, the demuxer itself knows a new header; inside of one the stream was cut.
            if demuxer.isAtBoundary, EBML.startsWithHeader(bytes) { return false }
            return EBML.startsWithHeader(bytes) || Self.isOtherContainer(bytes, than: .webM)
        case .ogg(let demuxer):
            if demuxer.isAtBoundary, AudioContainer.identify(bytes) == .container(.ogg) { return false }
            return Self.isFirstOggPage(bytes) || Self.isOtherContainer(bytes, than: .ogg)
        }
    }

    /// Whether these bytes can be the next ones of a WebM or Ogg stream that is being read.
    func isContinued(by bytes: [UInt8]) -> Bool {
        switch state {
        case .webM(let demuxer): !demuxer.isAtBoundary || EBML.mayBeginElement(bytes)
        case .ogg(let demuxer): !demuxer.isAtBoundary || bytes.starts(with: "OggS".utf8)
        case .undecided, .wav, .refused: false
        }
    }

    /// Whether a whole signature of another container is at the start. Signatures of three bytes do not count, as
    /// sound may look like them.
    private static func isOtherContainer(_ bytes: [UInt8], than current: AudioContainer) -> Bool {
        guard case .container(let container) = AudioContainer.identify(bytes), container != current else {
            return false
        }
        switch container {
        case .wav, .mp4: return true
        case .webM: return EBML.startsWithHeader(bytes)
        case .ogg: return isFirstOggPage(bytes)
        case .mp3, .aac, .flac, .aiff, .caf, .amr: return false
        }
    }

    private static func isFirstOggPage(_ bytes: [UInt8]) -> Bool {
        bytes.count > 5 && bytes.starts(with: "OggS".utf8) && bytes[4] == 0 && bytes[5] & 2 != 0
    }

    private mutating func begin(_ bytes: [UInt8], _ sounds: inout [Sound]) throws(RecordingProblem) {
        switch AudioContainer.identify(bytes) {
        case .undecided: state = .undecided(bytes)
        case .unknown:
            state = .undecided([])
            throw .undecodable
        case .container(.wav):
            state = .wav(WAVAssembler())
            try proceed(bytes, &sounds)
        case .container(.webM):
            state = .webM(WebMDemuxer())
            try proceed(bytes, &sounds)
        case .container(.ogg):
            state = .ogg(OggDemuxer())
            try proceed(bytes, &sounds)
        case .container(let other): throw refuse(.unsupported(name: other.name))
        }
    }

    private mutating func proceed(_ bytes: [UInt8], _ sounds: inout [Sound]) throws(RecordingProblem) {
        switch state {
        case .undecided: return
        case .refused(let problem): throw problem
        case .wav(var file):
            state = .undecided([])
            guard file.bytes.count + bytes.count <= limits.maximumRecordingBytes else {
                throw refuse(.tooLarge(maximum: limits.maximumRecordingBytes))
            }
            file.append(bytes)
            if file.isComplete { return try finish(file, &sounds) }
            state = .wav(file)
        case .webM, .ogg:
            guard bytes.count > Self.sliceBytes else { return try proceed(stream: bytes, &sounds) }
            // Megabytes that hold more sound than a turn may have are not taken apart to their end.
            for start in stride(from: 0, to: bytes.count, by: Self.sliceBytes) {
                let end = min(bytes.count, start + Self.sliceBytes)
                do throws(RecordingProblem) {
                    try proceed(stream: Array(bytes[start..<end]), &sounds)
                } catch {
                    throw end < bytes.count ? refuse(error) : error
                }
            }
        }
    }

    /// Takes bytes of a WebM or Ogg stream.
    private mutating func proceed(stream bytes: [UInt8], _ sounds: inout [Sound]) throws(RecordingProblem) {
        var packets: [ContainedOpusPacket] = []
        var problem: RecordingProblem?
        switch state {
        case .undecided, .refused, .wav: return
        case .webM(var demuxer):
            state = .undecided([])
            hasWebM = true
            do throws(WebMError) {
                try demuxer.append(bytes, to: &packets)
            } catch {
                problem = error.isUnsupportedKind ? .unsupported(name: error.description) : .undecodable
            }
            state = .webM(demuxer)
        case .ogg(var demuxer):
            state = .undecided([])
            do throws(OggError) {
                try demuxer.append(bytes, to: &packets)
            } catch {
                problem = error.isUnsupportedKind ? .unsupported(name: error.description) : .undecodable
            }
            state = .ogg(demuxer)
        }
        for packet in packets {
            try take(samples: packet.samples)
            sounds.append(.packet(packet.bytes))
        }
        if let problem { throw refuse(problem) }
    }

    private mutating func refuse(_ problem: RecordingProblem) -> RecordingProblem {
        state = .refused(problem)
        return problem
    }

    private mutating func take(samples more: Int) throws(RecordingProblem) {
        guard samples + more <= Int(limits.maximumUtterance.milliseconds) * 48 else {
            throw .tooLong(maximum: limits.maximumUtterance)
        }
        samples += more
    }

    private mutating func finish(_ assembler: WAVAssembler, _ sounds: inout [Sound]) throws(RecordingProblem) {
        state = .undecided([])
        let file: WAVFile
        do throws(WAVError) {
            file = try WAVFile(parsing: assembler.bytes)
        } catch {
            switch error {
            case .notRIFF, .missingFormat, .malformedFormat, .missingData: throw .undecodable
            case .unsupportedCodec, .unsupportedSampleSize, .unsupportedChannels, .unsupportedSampleRate:
                throw .unsupported(name: error.description)
            }
        }
        guard Self.sampleRates.contains(file.sampleRate) else {
            let allowed = "\(Self.sampleRates.lowerBound) to \(Self.sampleRates.upperBound) Hz"
            throw .unsupported(name: "a WAV file with a rate of \(file.sampleRate) Hz instead of \(allowed)")
        }
        try take(samples: file.sampleFrameCount * 48000 / file.sampleRate)
        guard file.sampleFrameCount > 0 else { return }
        sounds.append(.recording(file))
    }
}
