internal import Wire

/// The receiving end of one source.
final class RTPReceiver {
    let ssrc: UInt32
    /// The section that it belongs to.
    let section: Int
    let mode: ReceiveMode
    var statistics = ReceptionStatistics()
    /// Nil when the peer does not send again.
    var requests: NACKGenerator?
    /// Only in `ordered` mode.
    let jitterBuffer: JitterBuffer?
    /// Set when the section was given to another source while we were being called.
    var isRetired = false

    init(ssrc: UInt32, section: Int, mode: ReceiveMode, hasNACK: Bool) {
        self.ssrc = ssrc
        self.section = section
        self.mode = mode
        requests = hasNACK ? NACKGenerator() : nil
        jitterBuffer = mode == .ordered ? JitterBuffer() : nil
    }

    var nextDeadline: Instant? {
        Instant.earliest(jitterBuffer?.nextDeadline, requests?.nextDeadline)
    }
}
