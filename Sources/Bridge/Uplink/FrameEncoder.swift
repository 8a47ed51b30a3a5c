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
        /// It is noise that need not be sent.
        case suppressed
        case failed
    }

    private let coders: any AudioCoderFactory
    private let failures: CodingFailures
    /// Of frames, in Hz.
    private var sampleRate: Int
    private var encoder: (any SpeechEncoder)?
    private var suppression: SilenceSuppression
    /// The encoder has not seen the frame before the next one, or the listener has not.
    private var isInterrupted = true
    /// The first byte of the last packet: with it alone, a packet holds no sound (RFC 6716 section 3.1).
    private var header: UInt8 = 0xF8
    /// Percent of our packets that the room loses.
    private var expectedLoss = 0
    private let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 1500, alignment: 16)

    init(sampleRate: Int, coders: any AudioCoderFactory, failures: CodingFailures) {
        self.sampleRate = sampleRate
        self.coders = coders
        self.failures = failures
        suppression = SilenceSuppression(sampleRate: sampleRate)
    }

    // SAFETY: nobody keeps an `Outcome.packet`.
    deinit { unsafe packet.deallocate() }

    /// Whether there is an encoder at the moment.
    var isReady: Bool { encoder != nil }

    /// Frames come at another rate from here on.
    func change(sampleRate new: Int) {
        sampleRate = new
        suppression = SilenceSuppression(sampleRate: new)
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

    /// - Parameter isStart: the frame begins the flow after a pause.
    func encode(_ frame: Span<Int16>, isStart: Bool) -> Outcome {
        if encoder == nil { makeEncoder() }
        guard let encoder else { return unsafe .failed }
        var resumes = false
        if encoder.leavesNoiseOut {
            switch suppression.judge(frame, isStart: isStart) {
            case .sound(let ends): resumes = ends
            case .noise: break
            case .pause:
                isInterrupted = true
                // SAFETY: the buffer holds more than a byte.
                unsafe packet[0] = header
                return unsafe .packet(unsafe UnsafeRawBufferPointer(rebasing: packet[..<1]), resumes: false)
            case .nothing:
                isInterrupted = true
                return unsafe .suppressed
            }
        }
        let isIndependent = isInterrupted || isStart
        guard let length = unsafe encoder.encode(frame, isIndependent: isIndependent, into: packet), length > 0 else {
            failures.note(.frame)
            // SAFETY: no pointer is in it.
            return unsafe .failed
        }
        isInterrupted = false
        // The lower two bits are the number of frames: one.
        header = unsafe packet[0] & 0xFC
        // SAFETY: `length` bytes have just been written.
        return unsafe .packet(unsafe UnsafeRawBufferPointer(rebasing: packet[..<length]), resumes: resumes)
    }

    private func makeEncoder() {
        do throws(AudioCoderFailure) {
            encoder = try coders.makeEncoder(sampleRate: sampleRate, for: .room)
        } catch {
            failures.note(.encoder)
        }
        isInterrupted = true
        if expectedLoss > 0 { encoder?.expect(lossPercent: expectedLoss) }
    }
}
