internal import PeerConnection
internal import Wire

/// Takes the packets of a track that it is attached to.
protocol PacketSink: AnyObject {
    /// Borrowed bytes are valid during the call only.
    func receive(_ packet: ReceivedRTPPacket, now: Instant)
}

/// One published track and its subscribers.
final class ForwardedTrack {
    let sid: String
    /// The publisher's SID.
    let publisher: String
    private var meter = AudioLevelMeter()
    private var sinks: [(subscriber: String, sink: any PacketSink)] = []

    init(sid: String, publisher: String) {
        self.sid = sid
        self.publisher = publisher
    }

    func attach(_ sink: any PacketSink, subscriber: String) {
        detach(subscriber)
        sinks.append((subscriber, sink))
    }

    func detach(_ subscriber: String) { sinks.removeAll { $0.subscriber == subscriber } }

    /// Hands a packet of the publisher to all.
    func forward(_ packet: ReceivedRTPPacket, now: Instant) {
        if let level = packet.audioLevel, let newest = packet.newestFrame, let opus = OpusPacket(newest) {
            meter.observe(level.negatedDecibels, duration: .microseconds(opus.sampleCount * 1000 / 48))
        }
        for (_, sink) in sinks { sink.receive(packet, now: now) }
    }

    /// How loud the track was since the last call: 0 (not speaking) to 1.
    func takeLevel() -> Float { meter.takeLevel() }
}

/// A track on its way to one subscriber over a peer connection.
final class Downtrack: PacketSink {
    let track: ForwardedTrack
    let name: TrackInfoNames
    /// Where it is negotiated; nil while it waits for a section.
    private(set) var section: Int?
    /// The client knows about it: an answer or an accepted offer names it.
    var isEstablished = false
    var isPaused = false
    private weak var peer: ServerPeer?

    /// What a subscriber's session description says about the track.
    struct TrackInfoNames {
        /// `PA_…|TR_…`: SDKs find the publisher by what stands before the bar.
        let streamID: String
        let trackID: String
    }

    init(_ track: ForwardedTrack) {
        self.track = track
        name = TrackInfoNames(streamID: "\(track.publisher)|\(track.sid)", trackID: track.sid)
    }

    /// A fresh source for a section of the peer connection.
    func makeLocalTrack(_ connection: PeerConnection) -> LocalTrack {
        LocalTrack(streamID: name.streamID, trackID: name.trackID, ssrc: connection.makeSource())
    }

    func place(on section: Int, of peer: ServerPeer) {
        self.section = section
        self.peer = peer
    }

    func receive(_ packet: ReceivedRTPPacket, now: Instant) {
        guard isEstablished, !isPaused, let section, let peer, !peer.isClosed else { return }
        peer.connection.forward(packet, on: section, now: now)
    }
}
