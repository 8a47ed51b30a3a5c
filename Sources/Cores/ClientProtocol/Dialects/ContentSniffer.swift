internal import Wire

/// Tells what the binary messages of one connection are, in dialects where the bytes decide and not what was announced:
/// a page sends what its `MediaRecorder` gives it, a program the file that it has, a library its JSON in a binary frame.
/// The name is that of the WHATWG's standard for the same task, MIME Sniffing.
///
/// The first message of each turn is looked at. Sound as it was announced costs a comparison from then on. Pure.
package struct ContentSniffer: Sendable {
    package enum Verdict: Hashable, Sendable {
        /// Sound as it was announced.
        case sound
        /// A text message, with what C programs have behind their strings left out.
        case text([UInt8])
        /// A recording, and what the session has to act on in its place.
        case recording([DialectOutput])
        /// Nothing of it can be played.
        case refused([DialectOutput])
    }

    private enum State: Sendable {
        case looking
        case sound
        case wav(WAVStream)
        /// WebM or Ogg.
        case stream(RecordingReader, turnHasEnded: Bool)
        /// A recording that cannot be played; what belongs to it is passed over.
        case refused
    }

    /// The shortest JSON object with a `type`.
    private static let shortestText = 12

    private let limits: RecordingLimits
    private var state = State.looking

    package init(limits: RecordingLimits) { self.limits = limits }

    package mutating func read(_ message: Span<UInt8>) -> Verdict {
        if let text = Self.text(message) { return .text(text) }
        switch state {
        case .sound: return .sound
        case .looking: return message.isEmpty ? .sound : begin(message)
        case .wav(let stream):
            guard AudioContainer.sniff(message) != .wav else {
                return begin(message, after: [.event(.fileFormat(nil))])
            }
            return proceed(stream, Self.array(message))
        case .stream(let reader, let turnHasEnded):
            let bytes = Self.array(message)
            if turnHasEnded, !reader.isContinued(by: bytes) { return begin(message) }
            switch AudioContainer.sniff(message) {
            case nil, .webM, .ogg: return proceed(reader, bytes)
            default: return begin(message)
            }
        case .refused: return AudioContainer.sniff(message)?.isAccepted == true ? begin(message) : .refused([])
        }
    }

    /// The client's turn is over: its next message may be something else. Returns what the session has to act on.
    package mutating func endTurn() -> [DialectOutput] {
        switch state {
        case .looking: return []
        case .sound, .refused:
            state = .looking
            return []
        case .wav:
            state = .looking
            return [.event(.fileFormat(nil))]
        case .stream(var reader, _):
            // Its last piece may come late.
            var sounds: [RecordingReader.Sound] = []
            try? reader.endTurn(&sounds)
            state = .stream(reader, turnHasEnded: true)
            return sounds.map(Self.output)
        }
    }

    // MARK: JSON

    /// The JSON object with a `type` that the message is as a whole; nil for anything else.
    private static func text(_ message: Span<UInt8>) -> [UInt8]? {
        guard message.count >= shortestText, message[0] == UInt8(ascii: "{") else { return nil }
        var end = message.count
        while end > 0, [0, 9, 10, 13, 32].contains(message[end - 1]) { end -= 1 }
        guard end >= shortestText, message[end - 1] == UInt8(ascii: "}") else { return nil }
        let text = array(message.extracting(..<end))
        guard let value = try? JSONValue(parsing: text, maximumSize: text.count), value["type"]?.string != nil else {
            return nil
        }
        return text
    }

    // MARK: Recordings

    private mutating func begin(_ message: Span<UInt8>, after before: [DialectOutput] = []) -> Verdict {
        guard let container = AudioContainer.sniff(message) else {
            state = .sound
            return .sound
        }
        let bytes = Self.array(message)
        let verdict: Verdict
        switch container {
        case .wav: verdict = begin(wav: bytes)
        case .webM, .ogg:
            // A microphone that is always open has no end; what waits to be played is bounded elsewhere.
            var unlimited = limits
            unlimited.maximumUtterance = .seconds(Int32.max)
            verdict = proceed(RecordingReader(limits: unlimited), bytes)
        case .mp4, .mp3, .aac, .flac, .aiff, .caf, .amr:
            state = .refused
            verdict = .refused([Self.refusal(.unsupported(name: container.name))])
        }
        guard !before.isEmpty else { return verdict }
        switch verdict {
        case .recording(let outputs): return .recording(before + outputs)
        case .refused(let outputs): return .refused(before + outputs)
        case .sound, .text: return verdict
        }
    }

    /// A file that is there as a whole is a recording as in JSON, and any other one is played as it comes.
    private mutating func begin(wav bytes: [UInt8]) -> Verdict {
        var assembler = WAVAssembler()
        assembler.append(bytes)
        guard assembler.isComplete else { return proceed(WAVStream(), bytes) }
        state = .looking
        var reader = RecordingReader(limits: limits)
        var sounds: [RecordingReader.Sound] = []
        do throws(RecordingProblem) {
            try reader.append(bytes, to: &sounds)
        } catch {
            return .refused([Self.refusal(error)])
        }
        return .recording(sounds.map(Self.output))
    }

    private mutating func proceed(_ stream: WAVStream, _ bytes: [UInt8]) -> Verdict {
        var stream = stream
        let isBeginning = stream.sampleRate == nil
        let samples: [Int16]
        do throws(WAVError) {
            samples = try stream.append(bytes)
        } catch {
            state = .refused
            return .refused([Self.refusal(.unsupported(name: error.description))])
        }
        state = stream.isOver ? .looking : .wav(stream)
        guard let rate = stream.sampleRate else { return .recording([]) }
        var outputs: [DialectOutput] = []
        if isBeginning { outputs.append(.event(.fileFormat(AudioFormat(encoding: .pcmS16LE, sampleRate: rate)))) }
        if !samples.isEmpty {
            var sound: [UInt8] = []
            SampleEncoder.append(samples.span, as: .pcmS16LE, to: &sound)
            outputs.append(.event(.audio(sound)))
        }
        if stream.isOver { outputs.append(.event(.fileFormat(nil))) }
        return .recording(outputs)
    }

    private mutating func proceed(_ reader: RecordingReader, _ bytes: [UInt8]) -> Verdict {
        // What is read must not be held twice while it changes.
        state = .looking
        var reader = reader
        var sounds: [RecordingReader.Sound] = []
        do throws(RecordingProblem) {
            try reader.append(bytes, to: &sounds)
        } catch {
            state = .refused
            return .recording(sounds.map(Self.output) + [Self.refusal(error)])
        }
        state = .stream(reader, turnHasEnded: false)
        return .recording(sounds.map(Self.output))
    }

    private static func output(_ sound: RecordingReader.Sound) -> DialectOutput {
        switch sound {
        case .packet(let bytes): .event(.opusPacket(bytes))
        case .recording(let file): .event(.recording(file))
        }
    }

    private static func refusal(_ problem: RecordingProblem) -> DialectOutput {
        var error = problem.clientError
        error.message += " Binary messages are passed over until end_turn, or until such a recording begins."
        return .reply(.error(error))
    }

    private static func array(_ bytes: Span<UInt8>) -> [UInt8] {
        // SAFETY: the bytes are only read during the call.
        unsafe bytes.withUnsafeBufferPointer { unsafe [UInt8]($0) }
    }
}
