/// Which of the caller's silent frames are encoded at all, and which packets of silence are sent. Pure.
///
/// libopus encodes silence in full before it says that it need not be sent (DTX), so silence costs as much as speech.
/// Once it has said so, frames that are silence in the same way are not shown to it, but for one each 400 ms, as often
/// as DTX refreshes the background noise. Every frame that is louder than what it has called silence is shown to it: it
/// is the better judge of a soft beginning.
package struct SilenceSuppression: Sendable {
    /// Of frames in a row that need no encoder, each so-manieth is shown to it: 400 ms.
    package static let refreshFrames = 20
    /// Root mean square, of 32768, up to which a frame is not louder than silence: -62 dB.
    package static let inaudible = 25
    /// No longer packet says that a frame is silence (`SpeechEncoder`).
    private static let silentPacketBytes = 2

    /// What becomes of a packet.
    package enum Verdict: Hashable, Sendable {
        /// `resumes` when sound follows a pause in which nothing was sent.
        case send(resumes: Bool)
        /// It says nothing new.
        case suppress
    }

    /// The encoder said that silence need not be sent, and has been heeded once.
    private var isPausing = false
    /// How loud a frame was at most that the encoder has called silence since its last packet with sound; nil when it
    /// has called nothing so.
    private var silence: Int?
    /// Frames since the encoder has seen one.
    private var unseen = 0

    package init() {}

    /// Whether a frame need neither be encoded nor sent.
    ///
    /// - Parameters:
    ///   - rootMeanSquare: its loudness, of 32768.
    ///   - isSilent: the speech detector takes it for silence.
    ///   - isStart: it begins the flow after a pause: something has to be sent.
    package mutating func leavesOut(rootMeanSquare: Int, isSilent: Bool, isStart: Bool) -> Bool {
        guard isPausing, isSilent, !isStart, let silence, unseen < Self.refreshFrames - 1,
            rootMeanSquare <= max(Self.inaudible, silence + silence / 4)
        else { return false }
        unseen += 1
        return true
    }

    /// Judges the packet that the encoder has made of such a frame.
    package mutating func judge(packetBytes: Int, rootMeanSquare: Int, isStart: Bool) -> Verdict {
        unseen = 0
        guard packetBytes <= Self.silentPacketBytes else {
            defer { isPausing = false }
            silence = nil
            return .send(resumes: isPausing)
        }
        silence = max(silence ?? 0, rootMeanSquare)
        if isPausing, !isStart { return .suppress }
        isPausing = true
        return .send(resumes: false)
    }

    /// A new encoder has called nothing silence yet.
    package mutating func encoderChanged() { silence = nil }
}
