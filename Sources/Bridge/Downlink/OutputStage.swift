internal import ClientProtocol
internal import Wire

/// The last stage on the way to the client: mono samples → the client's rate → frames, pieces or Opus packets.
/// Belongs to one loop.
final class OutputStage {
    let format: AudioFormat
    private let coders: any AudioCoderFactory
    private let failures: CodingFailures
    private weak var sink: (any DownlinkSink)?
    private let converter: (any RateConverter)?
    /// One of the two cuts PCM.
    private var framer: OutputFramer?
    private var segmenter: ReplySegmenter?
    /// Makes longer packets; nil when they go as they come.
    private var opusFramer: OpusFramer?
    private var encoder: (any SpeechEncoder)?
    private var encoderFrames: FrameAssembler
    private var encoderFrame: [Int16] = []
    private var converted: [Int16] = []
    private var bytes: [UInt8] = []
    /// What the encoder has made; empty until there is one.
    private var packet: [UInt8] = []

    init(
        format: AudioFormat, cutting: OutputCutting, coders: any AudioCoderFactory, failures: CodingFailures,
        sink: any DownlinkSink
    ) throws(AudioCoderFailure) {
        self.format = format
        self.coders = coders
        self.failures = failures
        self.sink = sink
        let rate = format.nearestOpusSampleRate
        encoderFrames = FrameAssembler(sampleRate: rate, limit: rate)
        converter =
            format.encoding != .opus && format.sampleRate != rate
            ? try coders.makeConverter(from: rate, to: format.sampleRate) : nil
        guard format.encoding != .opus else {
            switch cutting {
            case .frames(let milliseconds):
                if milliseconds > 20 { opusFramer = OpusFramer(milliseconds: milliseconds) }
            case .equalFrames(let milliseconds):
                opusFramer = OpusFramer(milliseconds: milliseconds, fillsUp: true)
            case .files: break
            }
            return
        }
        switch cutting {
        case .frames(let milliseconds), .equalFrames(let milliseconds):
            framer = OutputFramer(sampleRate: format.sampleRate, milliseconds: milliseconds)
        case .files(let milliseconds):
            segmenter = ReplySegmenter(
                sampleRate: format.sampleRate, configuration: .init(pieceMilliseconds: milliseconds))
        }
    }

    /// The rate of the samples that come in, in Hz.
    var sampleRate: Int { format.nearestOpusSampleRate }

    /// Whether sound waits here to be sent.
    var hasSound: Bool { segmenter?.nextDeadline != nil || (framer?.pendingSampleCount ?? 0) > 0 }

    /// Whether an unfinished frame waits to be completed.
    var hasUnfinishedFrame: Bool {
        (framer?.pendingSampleCount ?? 0) > 0 || encoderFrames.sampleCount > 0 || opusFramer?.isEmpty == false
    }

    /// When `handleTimeout` wants to be called.
    var nextDeadline: Instant? { segmenter?.nextDeadline }

    func append(_ samples: Span<Int16>, now: Instant) {
        if format.encoding == .opus { return encode(samples) }
        guard let converter else { return cut(samples, now: now) }
        converted.removeAll(keepingCapacity: true)
        converter.convert(samples, appendingTo: &converted)
        let output = converted
        cut(output.span, now: now)
    }

    /// A packet that passes undecoded.
    func pass(opus packet: RawSpan) {
        guard opusFramer != nil else { return sink?.downlink(sound: packet) ?? () }
        opusFramer?.append([UInt8](copying: packet)) { [sink] in Self.send($0, to: sink) }
    }

    private static func send(_ packet: Span<UInt8>, to sink: (any DownlinkSink)?) {
        sink?.downlink(sound: packet.bytes)
    }

    private func cut(_ samples: Span<Int16>, now: Instant) {
        framer?.append(samples) { send($0) }
        segmenter?.append(samples, now: now)
        sendPieces()
    }

    func handleTimeout(now: Instant) {
        segmenter?.handleTimeout(now: now)
        sendPieces()
    }

    /// Nothing follows at once: sends an unfinished frame, filled up with silence. Pieces have times of their own.
    func flush() {
        if format.encoding == .opus, encoderFrames.flush(into: &encoderFrame) { encode(frame: encoderFrame) }
        opusFramer?.flush { [sink] in Self.send($0, to: sink) }
        framer?.flush { send($0) }
    }

    /// The reply is over: sends all of it that waits.
    func endReply(now: Instant) {
        flush()
        segmenter?.endReply(now: now)
        sendPieces()
    }

    /// Throws away what has not been sent.
    func discard() {
        framer?.reset()
        opusFramer?.removeAll()
        segmenter?.discard()
        encoderFrames.removeAll()
    }

    private func sendPieces() {
        while let piece = segmenter?.poll() { send(piece.span) }
    }

    private func send(_ piece: Span<Int16>) {
        bytes.removeAll(keepingCapacity: true)
        SampleEncoder.append(piece, as: format.encoding, channels: format.channels, to: &bytes)
        // A reference of its own keeps the bytes in place while the sound goes on from here.
        let sound = bytes
        sink?.downlink(sound: sound.span.bytes)
    }

    private func encode(_ samples: Span<Int16>) {
        encoderFrames.append(samples)
        while encoderFrames.next(into: &encoderFrame) { encode(frame: encoderFrame) }
    }

    private func encode(frame: [Int16]) {
        if encoder == nil {
            do throws(AudioCoderFailure) {
                encoder = try coders.makeEncoder(sampleRate: sampleRate, for: .client)
                packet = [UInt8](repeating: 0, count: 1500)
            } catch {
                return failures.note(.encoder)
            }
        }
        var room = packet.mutableSpan
        guard let length = encoder?.encode(frame.span, into: &room) else { return failures.note(.frame) }
        guard length > 2 else { return }
        // Held for as long as it is lent.
        let packet = packet
        pass(opus: packet.span.bytes.extracting(first: length))
    }
}
