internal import Wire

/// The RTP streams of a connection: which SSRC belongs to which section, sound out and in, reports, and requests for
/// lost packets. Knows nothing of keys, addresses and descriptions.
///
/// It is an object, not a value, because sound is handed over while a packet is being taken, and whoever hears it may
/// call back.
final class RTPStreams {
    /// SSRCs of former tracks that are remembered, so that a late packet is not taken for a new track's.
    static let maximumRetiredSources = 64

    /// One section's streams.
    final class Section {
        var parameters: StreamParameters {
            didSet { if parameters.mid != oldValue.mid { midBytes = Array(parameters.mid.utf8) } }
        }
        fileprivate(set) var midBytes: [UInt8]
        var receiveMode: ReceiveMode
        var sender: RTPSender?
        var remoteTrack: RemoteTrack?
        var receiver: RTPReceiver?
        weak var sink: (any TrackSink)? { didSet { receiver?.sink = sink } }
        /// Encrypts what is sent end to end; nil for what is sent in clear.
        var sealer: (any FrameSealer)?
        /// Decrypts what is received.
        var opener: (any FrameOpener)?

        init(_ parameters: StreamParameters, receiveMode: ReceiveMode) {
            self.parameters = parameters
            self.receiveMode = receiveMode
            midBytes = Array(parameters.mid.utf8)
        }
    }

    private(set) var sections: [Section] = []
    var receivers: [UInt32: RTPReceiver] = [:]
    private(set) var senders: [UInt32: Section] = [:]
    var retiredSources: [UInt32] = []
    /// Our own SSRC in reports when we send nothing.
    let reporterSource: UInt32
    let cname: String
    let defaultReceiveMode: ReceiveMode
    var reportDeadline: Instant?
    /// The round trip that reports about our streams showed last.
    var reportedRoundTrip: Duration?
    /// The round trip of the path, as its owner measures it.
    var pathRoundTrip: Duration?
    /// Percent of our packets that the peer says it lost lately: rises at once, falls over a few reports.
    var reportedLossPercent: Int { senders.values.lazy.compactMap { $0.sender?.loss.percent }.max() ?? 0 }
    var linkQuality: LinkQuality {
        var quality = LinkQuality()
        for section in senders.values {
            guard let reported = section.sender?.reported else { continue }
            quality.sent.lostPackets += reported.lostPackets
            quality.sent.jitter = max(quality.sent.jitter, reported.jitter)
        }
        for receiver in receivers.values {
            quality.received.lostPackets += max(0, Int(receiver.statistics.lost))
            quality.received.jitter = max(quality.received.jitter, receiver.statistics.jitterDuration)
        }
        return quality
    }
    /// Whether frames go along with later ones while packets are lost.
    var allowsRedundancy = true
    /// Whether sound is encrypted end to end: what nobody opens is not heard then.
    var isEncrypted = false
    var statistics = PeerConnectionStatistics()
    var random: any RandomNumberGenerator
    private var outputs = FIFO<StreamOutput>()

    init(reporterSource: UInt32, cname: String, receiveMode: ReceiveMode, random: any RandomNumberGenerator) {
        self.reporterSource = reporterSource
        self.cname = cname
        defaultReceiveMode = receiveMode
        self.random = random
    }

    /// The best knowledge of the round trip to the peer.
    var roundTripTime: Duration? { reportedRoundTrip ?? pathRoundTrip }

    /// The next thing to do or to know; nil when drained.
    func poll() -> StreamOutput? { outputs.popFirst() }
    var hasOutputs: Bool { !outputs.isEmpty }
    func emit(_ output: StreamOutput) { outputs.append(output) }

    // MARK: Sections

    /// Brings the streams of a section up to date with what was negotiated. New sections come in the order of their
    /// index.
    func apply(_ update: StreamUpdate) {
        let index = update.parameters.section
        if index == sections.count {
            sections.append(Section(update.parameters, receiveMode: defaultReceiveMode))
        }
        guard sections.indices.contains(index) else { return }
        let section = sections[index]
        section.parameters = update.parameters
        updateHistory(of: section)
        switch update.announcement {
        case .unchanged: break
        case .none: removeTrack(of: section)
        case .track(let track):
            guard section.remoteTrack != track else { return }
            removeTrack(of: section)
            addTrack(track, to: section)
        }
    }

    /// How the sound of a section is handed over; applies to tracks that are added from now on.
    func setReceiveMode(_ mode: ReceiveMode, on index: Int) {
        if sections.indices.contains(index) { sections[index].receiveMode = mode }
    }

    /// Where the sound of a section goes from now on; nil for the connection's delegate.
    func setSink(_ sink: (any TrackSink)?, on index: Int) {
        if sections.indices.contains(index) { sections[index].sink = sink }
    }

    /// Encrypts the sound of our own on a section from now on.
    func setSealer(_ sealer: (any FrameSealer)?, on index: Int) {
        if sections.indices.contains(index) { sections[index].sealer = sealer }
    }

    /// Decrypts the sound of a section from now on.
    func setOpener(_ opener: (any FrameOpener)?, on index: Int) {
        if sections.indices.contains(index) { sections[index].opener = opener }
    }

    /// Puts a new sender on a section, or takes the one that is there away with nil. Nothing is sent before the peer
    /// has heard of it.
    func setSender(_ ssrc: UInt32?, on index: Int) {
        guard sections.indices.contains(index) else { return }
        let section = sections[index]
        if let old = section.sender {
            if old.packetCount > 0 { queueGoodbye(for: [old.ssrc]) }
            senders[old.ssrc] = nil
        }
        section.parameters.sends = false
        section.sender = ssrc.map { RTPSender(ssrc: $0, random: &random) }
        if let ssrc { senders[ssrc] = section }
        updateHistory(of: section)
    }

    private func updateHistory(of section: Section) {
        guard let sender = section.sender else { return }
        if !section.parameters.hasNACK {
            sender.history = nil
        } else if sender.history == nil {
            sender.history = RetransmissionHistory()
        }
    }

    /// An SSRC that nobody uses in this connection.
    func makeSource() -> UInt32 {
        while true {
            let candidate = UInt32.random(in: 1 ... .max, using: &random)
            if senders[candidate] == nil, receivers[candidate] == nil, candidate != reporterSource {
                return candidate
            }
        }
    }

    /// How well a section's sound arrives; nil without an SSRC. The jitter buffer's part only in `ordered` mode.
    func receptionStatistics(
        of index: Int
    ) -> (lost: Int64, jitter: Duration, jitterBuffer: JitterBufferStatistics?)? {
        guard sections.indices.contains(index), let receiver = sections[index].receiver else { return nil }
        return (receiver.statistics.lost, receiver.statistics.jitterDuration, receiver.jitterBuffer?.statistics)
    }

    /// Nothing is sent or received any more.
    func close() {
        for receiver in receivers.values { receiver.isRetired = true }
        receivers = [:]
        senders = [:]
        reportDeadline = nil
    }

    // MARK: Time

    /// When `handleTimeout` wants to be called; nil when nothing is due.
    var nextDeadline: Instant? {
        var earliest = reportDeadline
        for (_, receiver) in receivers { earliest = Instant.earliest(earliest, receiver.nextDeadline) }
        return earliest
    }

    func handleTimeout(now: Instant, sink: (ReceivedSound) -> Void) {
        var isDue = false
        for (_, receiver) in receivers {
            if let deadline = receiver.nextDeadline, deadline <= now { isDue = true }
        }
        // A copy, because a receiver may go away while its sound is being released.
        for receiver in isDue ? Array(receivers.values) : [] {
            if let jitterBuffer = receiver.jitterBuffer, let deadline = jitterBuffer.nextDeadline, deadline <= now {
                jitterBuffer.handleTimeout(now: now) { receiver.release($0, to: sink) }
            }
            if let deadline = receiver.requests?.nextDeadline, deadline <= now { request(receiver, now: now) }
        }
        if let deadline = reportDeadline, deadline <= now { queueReports(now: now) }
    }
}
