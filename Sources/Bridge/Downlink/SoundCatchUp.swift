internal import ClientProtocol
internal import Wire

/// Makes sound shorter that a client is late with: messages of its format → samples → up to 1.35 times as fast, without what
/// is silent → messages of its format, of the length that it wants. Belongs to one loop.
final class SoundCatchUp {
    /// What is ready to go.
    private final class Messages: DownlinkSink {
        var ready = FIFO<[UInt8]>()
        func downlink(sound: RawSpan) { ready.append([UInt8](copying: sound)) }
    }

    /// Of a pause so much stays, in ms.
    private static let keptSilence = 100
    /// The longest Opus packet, in ms.
    private static let longestPacket = 120

    let delivery: SoundDelivery
    private let messages = Messages()
    private let stage: OutputStage
    private var input: SoundInput
    /// Nil unless the client gets Opus.
    private let decoder: (any SpeechDecoder)?
    private var decoded: [Int16] = []
    private let splicer: PitchSplicer
    private var samples: FrameAssembler
    private var window: [Int16]
    private var frame: [Int16]
    private let keptSilence: Int
    /// Samples of silence up to now.
    private var silence = 0
    /// Samples that may be left out by now; less than nothing when it was more.
    private var allowance = 0

    init(_ delivery: SoundDelivery, coders: any AudioCoderFactory) throws(AudioCoderFailure) {
        self.delivery = delivery
        let format = delivery.format
        let rate = format.nearestOpusSampleRate
        stage = try OutputStage(
            format: format, cutting: delivery.cutting, coders: coders, failures: CodingFailures(), sink: messages)
        input = try SoundInput(format: format, rate: rate, coders: coders)
        decoder = format.encoding == .opus ? try coders.makeDecoder(sampleRate: rate) : nil
        if decoder != nil { decoded = [Int16](repeating: 0, count: rate * Self.longestPacket / 1000) }
        splicer = PitchSplicer(sampleRate: rate, .fast)
        samples = FrameAssembler(sampleRate: rate, limit: rate)
        window = [Int16](repeating: 0, count: splicer.window)
        frame = [Int16](repeating: 0, count: rate / 50)
        keptSilence = rate * Self.keptSilence / 1000
    }

    /// Whether nothing is left of what came.
    var isEmpty: Bool { messages.ready.isEmpty && samples.sampleCount == 0 && !stage.hasUnfinishedFrame }

    /// The next message, and how long it is.
    var first: (bytes: [UInt8], duration: Duration)? {
        messages.ready.first.map { ($0, delivery.format.duration(of: $0.span.bytes)) }
    }

    func removeFirst() { _ = messages.ready.popFirst() }

    /// Whether another message is needed before there can be a frame.
    var needsMore: Bool { samples.sampleCount < splicer.window }

    /// Takes a message in the client's format.
    func append(_ message: RawSpan) {
        guard let decoder else {
            _ = input.decode(message)
            let sound = input.samples
            return append(sound.span)
        }
        var room = decoded.mutableSpan
        guard let count = decoder.decode(message, into: &room), (1...decoded.count).contains(count) else { return }
        let sound = decoded
        append(sound.span.extracting(first: count))
    }

    private func append(_ sound: Span<Int16>) {
        let isSilent = Double(SoundLevel.rootMeanSquare(sound)) < SpeechDetector.surelySilent
        silence = isSilent ? silence + sound.count : 0
        if silence <= keptSilence { samples.append(sound) }
    }

    /// Makes 20 ms of up to 1.35 times as much. Returns false when more is needed for that.
    func makeFrame() -> Bool {
        guard samples.peekSamples(into: &window) else { return false }
        allowance = min(allowance + frame.count * DelayCorrection.gain / 100, frame.count / 2)
        var leftOut = 0
        if allowance > 0 {
            let sound = window
            var room = frame.mutableSpan
            leftOut = splicer.splice(sound.span, into: &room)
        }
        if leftOut > 0 { samples.dropSamples(frame.count + leftOut) } else { _ = samples.next(into: &frame) }
        allowance -= leftOut
        emit()
        return true
    }

    /// No message follows, or none that is made faster: what is left ends where the last message did.
    ///
    /// - Parameter isDry: the client has nothing to play, so that even what is no frame must go.
    func finish(isDry: Bool) {
        while makeFrame() {}
        if samples.sampleCount >= frame.count {
            var rest = [Int16](repeating: 0, count: samples.sampleCount)
            guard samples.peekSamples(into: &rest) else { return }
            samples.dropSamples(rest.count)
            var room = frame.mutableSpan
            splicer.join(rest.span, into: &room)
            emit()
        } else if isDry, samples.flush(into: &frame) {
            emit()
        }
        if isDry { stage.flush() }
    }

    private func emit() {
        let frame = frame
        stage.append(frame.span, now: .zero)
    }
}
