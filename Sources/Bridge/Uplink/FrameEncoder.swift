internal import Wire

/// Makes Opus packets of the caller's frames, as few as need be. The encoder is made for the first frame, and given back
/// in a long pause. Belongs to one loop.
final class FrameEncoder {
    /// What becomes of a frame.
    enum Outcome {
        /// A packet of so many bytes. It resumes the sound when a pause was before it in which nothing was sent.
        case packet(length: Int, resumes: Bool)
        /// It is noise that need not be sent.
        case suppressed
        case failed
    }

    /// No packet of a frame is longer, in bytes.
    static let maximumLength = 1500

    private let coders: any AudioCoderFactory
    private let failures: CodingFailures
    /// Of frames, in Hz.
    private var sampleRate: Int
    private var encoder: (any SpeechEncoder)?
    private var suppression: SilenceSuppression
    private var link = OpusProfile.Link.wide
    /// The encoder has not seen the frame before the next one, or the listener has not.
    private var isInterrupted = true
    /// The first byte of the last packet: with it alone, a packet holds no sound (RFC 6716 section 3.1).
    private var header: UInt8 = 0xF8
    /// Percent of our packets that the room loses.
    private var expectedLoss = 0

    init(sampleRate: Int, coders: any AudioCoderFactory, failures: CodingFailures) {
        self.sampleRate = sampleRate
        self.coders = coders
        self.failures = failures
        suppression = SilenceSuppression(sampleRate: sampleRate)
    }

    /// Whether there is an encoder at the moment.
    var isReady: Bool { encoder != nil }

    /// Frames come at another rate from here on.
    func change(sampleRate new: Int) {
        sampleRate = new
        suppression = SilenceSuppression(sampleRate: new)
        release()
    }

    /// Frames go over a link of another width from here on. libopus has no way to change from CELT to SILK for good but a new
    /// encoder; the listener's decoder goes on.
    func send(over new: OpusProfile.Link) {
        guard new != link else { return }
        link = new
        release()
    }

    /// Gives back the encoder; the next frame makes a new one.
    func release() { encoder = nil }

    /// How much the room loses of what is sent, in percent: in-band FEC is spent against that and not in advance.
    func expect(lossPercent: Int) {
        guard lossPercent != expectedLoss else { return }
        expectedLoss = lossPercent
        encoder?.expect(lossPercent: lossPercent)
    }

    /// - Parameters:
    ///   - isStart: the frame begins the flow after a pause.
    ///   - packet: where a packet is written, from its beginning on; of `maximumLength` bytes.
    func encode(_ frame: Span<Int16>, isStart: Bool, into packet: inout MutableSpan<UInt8>) -> Outcome {
        if encoder == nil { makeEncoder() }
        guard let encoder else { return .failed }
        var resumes = false
        if encoder.leavesNoiseOut {
            switch suppression.judge(frame, isStart: isStart) {
            case .sound(let ends): resumes = ends
            case .noise: break
            case .pause:
                isInterrupted = true
                packet[0] = header
                return .packet(length: 1, resumes: false)
            case .nothing:
                isInterrupted = true
                return .suppressed
            }
        }
        let isIndependent = isInterrupted || isStart
        guard let length = encoder.encode(frame, isIndependent: isIndependent, into: &packet), length > 0 else {
            failures.note(.frame)
            return .failed
        }
        isInterrupted = false
        // The lower two bits are the number of frames: one.
        header = packet[0] & 0xFC
        return .packet(length: length, resumes: resumes)
    }

    private func makeEncoder() {
        do throws(AudioCoderFailure) {
            encoder = try coders.makeEncoder(sampleRate: sampleRate, for: .room(link))
        } catch {
            failures.note(.encoder)
        }
        isInterrupted = true
        if expectedLoss > 0 { encoder?.expect(lossPercent: expectedLoss) }
    }
}
