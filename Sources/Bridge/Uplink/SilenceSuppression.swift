/// Decides which of the caller's silent frames are encoded at all, and which packets of silence are sent. Pure.
///
/// libopus encodes a silent frame in full before it says that the frame need not be sent (DTX), so silence costs as much
/// as speech. After libopus has called a frame silent, later frames that are no louder are left out, except one every
/// 400 ms: that is how often DTX refreshes the background noise. A louder frame is always encoded, because libopus
/// recognises a soft beginning better than a comparison of levels does.
package struct SilenceSuppression: Sendable {
    /// Of frames in a row that could be left out, every twentieth is encoded: one in 400 ms.
    package static let refreshFrames = 20
    /// Root mean square, of 32768, up to which a frame is not louder than silence: -62 dB.
    package static let inaudible = 25
    /// A packet of at most so many bytes says that its frame is silence (`SpeechEncoder`).
    private static let silentPacketBytes = 2

    /// What becomes of a packet.
    package enum Verdict: Hashable, Sendable {
        /// `resumes` when sound follows a pause in which nothing was sent.
        case send(resumes: Bool)
        /// It says nothing new.
        case suppress
    }

    /// The last packet of silence was sent, and nothing since.
    private var isPausing = false
    /// The loudest frame that the encoder has called silence since its last packet with sound; nil when it has called
    /// none so.
    private var silence: Int?
    /// Frames that were left out since the last one was encoded.
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
