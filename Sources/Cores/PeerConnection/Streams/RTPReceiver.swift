internal import Wire

/// The receiving end of one SSRC.
final class RTPReceiver {
    let ssrc: UInt32
    /// The section that it belongs to.
    let section: Int
    var statistics = ReceptionStatistics()
    /// Nil when the peer does not send again.
    var requests: NACKGenerator?
    /// Only in `ordered` mode.
    let jitterBuffer: JitterBuffer?
    /// Where the sound goes; without one it goes to the connection's delegate.
    weak var sink: (any TrackSink)?
    /// Set when the section was given to another SSRC while its sound was being handed over.
    var isRetired = false

    init(ssrc: UInt32, section: Int, mode: ReceiveMode, hasNACK: Bool, sink: (any TrackSink)?) {
        self.ssrc = ssrc
        self.section = section
        self.sink = sink
        requests = hasNACK ? NACKGenerator() : nil
        jitterBuffer = mode == .ordered ? JitterBuffer() : nil
    }

    var nextDeadline: Instant? {
        Instant.earliest(jitterBuffer?.nextDeadline, requests?.nextDeadline)
    }

    /// Hands over what the jitter buffer released.
    func release(_ output: JitterBufferOutput, to sink: (ReceivedSound) -> Void) {
        guard !isRetired else { return }
        if let track = self.sink { track.receive(output) } else { sink(.ordered(section: section, output)) }
    }
}
