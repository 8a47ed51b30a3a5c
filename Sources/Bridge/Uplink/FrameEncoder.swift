internal import Wire

/// Makes Opus packets of the caller's frames, as few as need be. The encoder is made for the first frame, and given back
/// in a long pause. Belongs to one loop.
// SAFETY: the packet buffer is the encoder's own and is freed with it; who gets a packet uses it before the next call.
@safe
final class FrameEncoder {
    /// What becomes of a frame.
    @unsafe enum Outcome {
        /// The packet, which is there until the next call. It resumes the sound when a pause was before it in which
        /// nothing was sent.
        case packet(UnsafeRawBufferPointer, resumes: Bool)
        /// It is silence that need not be sent.
        case suppressed
        case failed
    }

    /// Of frames, in Hz.
    private var sampleRate: Int
    private let coders: any AudioCoderFactory
    private let failures: CodingFailures
    private var encoder: (any SpeechEncoder)?
    private var suppression = SilenceSuppression()
    /// Percent of our packets that the room loses.
    private var expectedLoss = 0
    private let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 1500, alignment: 16)

    init(sampleRate: Int, coders: any AudioCoderFactory, failures: CodingFailures) {
        self.sampleRate = sampleRate
        self.coders = coders
        self.failures = failures
    }

    // SAFETY: nobody keeps an `Outcome.packet`.
    deinit { unsafe packet.deallocate() }

    /// Whether there is an encoder at the moment.
    var isReady: Bool { encoder != nil }

    /// Frames come at another rate from here on.
    func change(sampleRate new: Int) {
        sampleRate = new
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
    ///   - rootMeanSquare: the frame's loudness, of 32768.
    ///   - isSilent: the speech detector takes it for silence.
    ///   - isStart: it begins the flow after a pause.
    func encode(_ frame: Span<Int16>, rootMeanSquare: Int, isSilent: Bool, isStart: Bool) -> Outcome {
        if encoder == nil { makeEncoder() }
        if suppression.leavesOut(rootMeanSquare: rootMeanSquare, isSilent: isSilent, isStart: isStart) {
            // SAFETY: no pointer is in it.
            return unsafe .suppressed
        }
        guard let encoder else { return unsafe .failed }
        guard let length = unsafe encoder.encode(frame, into: packet), length > 0 else {
            failures.note(.frame)
            // SAFETY: no pointer is in it.
            return unsafe .failed
        }
        switch suppression.judge(packetBytes: length, rootMeanSquare: rootMeanSquare, isStart: isStart) {
        case .suppress: return unsafe .suppressed
        case .send(let resumes):
            // SAFETY: `length` bytes have just been written.
            return unsafe .packet(unsafe UnsafeRawBufferPointer(rebasing: packet[..<length]), resumes: resumes)
        }
    }

    private func makeEncoder() {
        do throws(AudioCoderFailure) {
            encoder = try coders.makeEncoder(sampleRate: sampleRate)
        } catch {
            failures.note(.encoder)
        }
        suppression.encoderChanged()
        if expectedLoss > 0 { encoder?.expect(lossPercent: expectedLoss) }
    }
}
