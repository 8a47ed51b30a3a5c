internal import EventLoops
package import PeerConnection
internal import Signalling

/// The one audio track that we publish: what the server knows of it, and the section that carries it. Its sound goes from
/// here straight to the peer connection.
package final class PublishedTrack {
    let cid: String
    private let options: MicrophoneOptions
    /// Nil for sound in clear.
    private let sealer: (any FrameSealer)?
    /// From the server, once it has taken the track.
    private var sid: String?
    private var info: TrackInfo?
    private var isMuted: Bool
    /// Nil while there is no session.
    private var connection: PeerConnection?
    private var section: Int?
    private let loop: EventLoop
    private let request: (SignalRequest.Message) -> Void

    /// - Parameters:
    ///   - sealer: encrypts frames end to end, which then go alone: no frame goes along with another.
    ///   - request: sends a request to the server, or keeps it until it can be sent.
    init(
        cid: String, options: MicrophoneOptions, sealer: (any FrameSealer)? = nil, loop: EventLoop,
        request: @escaping (SignalRequest.Message) -> Void
    ) {
        self.cid = cid
        var options = options
        if sealer != nil { options.isRedundant = false }
        self.options = options
        self.sealer = sealer
        self.loop = loop
        self.request = request
        isMuted = options.startsMuted
    }

    // MARK: Sound

    /// Sends one Opus packet. `level` tells the server how loud it is; without it nobody is shown as speaking. Allocates
    /// nothing.
    /// - Parameter timestamp: where the packet begins on the track's one media clock, in samples at 48 kHz from any origin.
    ///   It goes on over pauses, mutes and reconnects; a sender adds its random offset, and nothing else (RFC 3550 5.1).
    /// - Returns: false when it is not sent: before the track is published, while it is muted, and without a connection.
    @discardableResult
    package func send(_ packet: RawSpan, timestamp: UInt32, level: AudioLevel?) -> Bool {
        guard sid != nil, !isMuted, let section, let connection else { return false }
        return connection.sendAudio(
            on: section, payload: packet, timestamp: timestamp, audioLevel: level, now: loop.now)
    }

    /// Percent of our packets that the server says were lost lately, on the way to it or to those who listen.
    package var reportedLossPercent: Int { connection?.reportedLossPercent ?? 0 }

    /// Whether frames go along with later ones while packets are lost (RFC 2198). Of this connection: the next one begins anew.
    package var allowsRedundancy: Bool {
        get { connection?.allowsRedundancy ?? true }
        set { connection?.allowsRedundancy = newValue }
    }

    /// Tells the others whether the track is silent. Sending goes on or stops with it.
    package func setMuted(_ isMuted: Bool) {
        guard self.isMuted != isMuted else { return }
        self.isMuted = isMuted
        tellMuted()
    }

    private func tellMuted() {
        guard let sid else { return }
        request(
            .mute(
                .with {
                    $0.sid = sid
                    $0.muted = isMuted
                }))
    }

    // MARK: Sessions

    /// Announces the track in a new session.
    var announcement: SignalRequest.Message {
        .addTrack(
            .with {
                $0.cid = cid
                $0.name = options.name
                $0.type = .audio
                $0.source = options.source
                $0.muted = isMuted
                $0.disableRed = !options.isRedundant
                $0.encryption = sealer == nil ? .none : .gcm
                $0.audioFeatures = options.features
            })
    }

    /// What the server said of the track, for its eyes after a resume.
    var publications: [TrackPublishedResponse] {
        guard let info else { return [] }
        return [
            .with {
                $0.cid = cid
                $0.track = info
            }
        ]
    }

    /// Takes a section of a new session; the next offer has it.
    func attach(to connection: PeerConnection) {
        sid = nil
        info = nil
        let track = LocalTrack(streamID: "-", trackID: cid, ssrc: connection.makeSource())
        section = connection.addAudioSection(direction: .sendOnly, track: track)
        if let section {
            connection.setAcceptsRED(options.isRedundant, on: section)
            connection.setSealer(sealer, on: section)
        }
        self.connection = connection
    }

    /// The session is over.
    func detach() {
        connection = nil
        section = nil
    }

    /// Takes what the server says of the track; nil when the message is about something else.
    func handle(_ message: SignalResponse.Message) -> ParticipantEvent? {
        switch message {
        case .trackPublished(let response):
            guard let track = response.track, response.cid == cid, !track.sid.isEmpty else { return nil }
            sid = track.sid
            info = track
            // Muting or unmuting may have happened since the announcement.
            if isMuted != track.muted { tellMuted() }
            return .microphonePublished(track)
        case .mute(let mute) where mute.sid == sid:
            isMuted = mute.muted
            return .microphoneMuted(isMuted)
        case .trackUnpublished(let response) where response.trackSid == sid:
            return .microphoneRefused("the server unpublished the track")
        case .trackSubscribed(let response) where response.trackSid == sid: return .microphoneSubscribed
        case .requestResponse(let response):
            guard case .addTrack(let request) = response.request, request.cid == cid, response.reason != .queued,
                response.reason != .ok
            else { return nil }
            return .microphoneRefused("\(response.reason.name) \(response.message)")
        default: return nil
        }
    }
}
